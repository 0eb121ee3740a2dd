// Programs of pictures in stages and bands: where they are cut, which rows a band takes, and that all
// bands together answer what the whole answers.
#include "core/passes/bands.h"

#include <gmock/gmock.h>

#include <cmath>

#include "core/ops/catalogue/terms.h"
#include "core/program/program_builder.h"
#include "tests/support/evaluate.h"

namespace flame {
namespace {

Term conv(ProgramBuilder &builder, const Term &x, const std::string &name, int64_t channels,
          int64_t window, int64_t stride, std::vector<int64_t> padding) {
  const Term weight = builder.term(
      builder.parameter(name, {DType::kF32, {channels, window, window, x.size(3)}}, false));
  return apply_one("conv2d", {x, weight},
                   {{"stride", std::vector<int64_t>{stride, stride}},
                    {"padding", std::move(padding)},
                    {"dilation", std::vector<int64_t>{1, 1}}});
}

Term norm(ProgramBuilder &builder, const Term &x, const std::string &name) {
  const TensorType affine{DType::kF32, {x.size(3)}};
  return apply("group_norm",
               {x, builder.term(builder.parameter(name + ".weight", affine, false)),
                builder.term(builder.parameter(name + ".bias", affine, false))},
               {{"groups", int64_t{2}}, {"activation", std::string("silu")}, {"eps", 1e-6}})
      .front();
}

// A residual block, a picture of twice the size, and one of half of it, padded at two sides alone.
Program picture_program(int64_t height) {
  ProgramBuilder builder;
  const Term x = builder.term(builder.input("x", {DType::kF32, {2, height, 5, 3}}));
  const Term first = conv(builder, x, "first", 4, 3, 1, {1, 1, 1, 1});
  const Term inner = conv(builder, norm(builder, first, "n1"), "inner", 4, 3, 1, {1, 1, 1, 1});
  const Term sum =
      first + conv(builder, norm(builder, inner, "n2"), "second", 4, 3, 1, {1, 1, 1, 1});
  const Term large =
      apply_one("resize", {sum},
                {{"kind", std::string("nearest")}, {"size", std::vector<int64_t>{2 * height, 10}}});
  const Term small =
      conv(builder, norm(builder, conv(builder, large, "up", 4, 3, 1, {1, 1, 1, 1}), "n3"), "down",
           2, 3, 2, {0, 1, 0, 1});
  builder.output("y", small.id());
  builder.output("large", large.id());
  Result<Program> program = builder.finish();
  EXPECT_TRUE(program.ok()) << program.error().text();
  return *program;
}

TensorMap inputs_of(const Program &program) {
  TensorMap given;
  const auto add = [&](const std::string &name, ValueId value) {
    std::vector<double> numbers;
    for (int64_t i = 0; i < program.type(value).shape.element_count(); ++i)
      numbers.push_back(std::sin(static_cast<double>(i) * 1.7 + static_cast<double>(name.size())));
    given[name] = testing_support::tensor_of(program.type(value), numbers);
  };
  for (const NamedValue &input : program.inputs()) add(input.name, input.value);
  for (const Parameter &parameter : program.parameters()) add(parameter.name, parameter.value);
  return given;
}

TEST(Bands, AreCutAtNorms) {
  const std::optional<Stages> stages = find_stages(picture_program(6));
  ASSERT_TRUE(stages);
  ASSERT_EQ(stages->stages.size(), 4u);
  size_t nodes = 0;
  for (const Stage &stage : stages->stages) {
    EXPECT_FALSE(stage.whole);
    nodes += stage.nodes.size();
  }
  EXPECT_EQ(nodes, stages->program.nodes().size());
  EXPECT_TRUE(stages->stages[0].norms.empty());
  for (size_t i = 1; i < 4; ++i) {
    ASSERT_EQ(stages->stages[i].norms.size(), 1u);
    ASSERT_EQ(stages->stages[i - 1].gives.size(), 1u);
    EXPECT_EQ(stages->stages[i].norms[0].node, stages->stages[i - 1].gives[0].node);
  }
  EXPECT_TRUE(stages->stages[3].gives.empty());
}

TEST(Bands, TakeTheRowsThatTheirWindowsSee) {
  const std::optional<Stages> stages = find_stages(picture_program(8));
  ASSERT_TRUE(stages);
  const auto rows = [&](size_t stage, RowRange own) {
    const Result<Band> band = make_band(*stages, stages->stages[stage], own);
    EXPECT_TRUE(band.ok()) << band.error().text();
    return band->reads.at(0).second;
  };
  EXPECT_EQ(rows(0, {0, 2}), (RowRange{0, 3}));
  EXPECT_EQ(rows(0, {2, 5}), (RowRange{1, 6}));
  EXPECT_EQ(rows(0, {5, 8}), (RowRange{4, 8}));
  EXPECT_EQ(rows(3, {0, 3}), (RowRange{0, 7}));
  EXPECT_EQ(rows(3, {5, 8}), (RowRange{10, 16}));
}

TEST(Bands, DoNotExistWhereNothingIsMadeOfRows) {
  ProgramBuilder builder;
  const Term x = builder.term(builder.input("x", {DType::kF32, {4, 4}}));
  builder.output("y", matmul(x, x).id());
  EXPECT_FALSE(find_stages(*builder.finish()));
}

// The norms' statistics, as the host joins them.
struct Joined {
  std::vector<double> mean, squares;
  double count = 0;
};

TEST(Bands, TogetherGiveTheWhole) {
  for (const int64_t height : {6, 7}) {
    const Program program = picture_program(height);
    const TensorMap given = inputs_of(program);
    const Result<TensorMap> whole = testing_support::evaluate(program, given);
    ASSERT_TRUE(whole.ok()) << whole.error().text();
    for (const int64_t step : {1, 2, 4}) {
      const std::optional<Stages> stages = find_stages(program);
      ASSERT_TRUE(stages);
      // Row by row: [value][row of each picture].
      std::map<ValueId, std::vector<double>> kept;
      kept[program.inputs()[0].value] = testing_support::numbers_of(given.at("x"));
      std::map<NodeId, Joined> statistics;
      const auto rows_of = [&](ValueId value, RowRange rows, const auto &visit) {
        const Shape &shape = program.type(value).shape;
        const int64_t row = shape[2] * shape[3];
        size_t at = 0;
        for (int64_t n = 0; n < shape[0]; ++n) {
          for (int64_t i = rows.first * row; i < rows.end * row; ++i)
            visit(static_cast<size_t>(n * shape[1] * row + i), at++);
        }
      };
      for (const Stage &stage : stages->stages) {
        for (int64_t first = 0; first < stage.height; first += step) {
          const Result<Band> band =
              make_band(*stages, stage, {first, std::min(first + step, stage.height)});
          ASSERT_TRUE(band.ok()) << band.error().text();
          TensorMap inputs = given;
          for (const auto &[value, rows] : band->reads) {
            std::vector<double> numbers;
            rows_of(value, rows, [&, from = value](size_t whole_at, size_t) {
              numbers.push_back(kept.at(from)[whole_at]);
            });
            const NamedValue *input = band->program.find_input(band_name(value));
            inputs[input->name] =
                testing_support::tensor_of(band->program.type(input->value), numbers);
          }
          for (const BandNorm &norm : stage.norms) {
            const Joined &all = statistics.at(norm.node);
            std::vector<double> deviation;
            for (const double squares : all.squares)
              deviation.push_back(1 / std::sqrt(squares / all.count + norm.eps));
            const TensorType type =
                band->program.type(band->program.find_input(band_mean_name(norm.node))->value);
            inputs[band_mean_name(norm.node)] = testing_support::tensor_of(type, all.mean);
            inputs[band_deviation_name(norm.node)] = testing_support::tensor_of(type, deviation);
          }
          const Result<TensorMap> made = testing_support::evaluate(band->program, inputs);
          ASSERT_TRUE(made.ok()) << made.error().text();
          for (const auto &[value, rows] : band->writes) {
            std::vector<double> &to = kept[value];
            to.resize(static_cast<size_t>(program.type(value).shape.element_count()));
            const std::vector<double> numbers =
                testing_support::numbers_of(made->at(band_name(value)));
            rows_of(value, rows, [&](size_t whole_at, size_t at) { to[whole_at] = numbers[at]; });
          }
          for (const BandNorm &norm : stage.gives) {
            const auto mean = testing_support::numbers_of(made->at(band_mean_name(norm.node))),
                       variance =
                           testing_support::numbers_of(made->at(band_variance_name(norm.node)));
            const Shape &shape = program.type(norm.input).shape;
            const auto own =
                std::ranges::find(band->writes, norm.input, &std::pair<ValueId, RowRange>::first);
            const auto count =
                static_cast<double>(own->second.count() * shape[2] * shape[3] / norm.groups);
            Joined &all = statistics[norm.node];
            all.mean.resize(mean.size(), 0);
            all.squares.resize(mean.size(), 0);
            for (size_t i = 0; i < mean.size(); ++i) {
              const double apart = mean[i] - all.mean[i], total = all.count + count;
              all.mean[i] += apart * count / total;
              all.squares[i] += variance[i] * count + apart * apart * all.count * count / total;
            }
            all.count += count;
          }
        }
      }
      for (const NamedValue &output : program.outputs()) {
        const std::vector<double> expected = testing_support::numbers_of(whole->at(output.name));
        const std::vector<double> &found = kept.at(output.value);
        ASSERT_EQ(found.size(), expected.size());
        for (size_t i = 0; i < expected.size(); ++i)
          EXPECT_NEAR(found[i], expected[i], 1e-5) << output.name << " at " << i;
      }
    }
  }
}

}  // namespace
}  // namespace flame
