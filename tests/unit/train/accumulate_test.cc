// The programs of a pass: flat layout and the sum of gradients. Their numbers are proven in tests/golden.
#include "core/train/accumulate.h"

#include <gmock/gmock.h>

#include "core/ops/catalogue/terms.h"
#include "flame/optimizer.h"
#include "tests/support/evaluate.h"

namespace flame {
namespace {

using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing_support::evaluate;
using testing_support::numbers_of;
using testing_support::tensor_of;

// loss = Σ (w · x · frozen) + Σ b, with a parameter `idle` that it does not use.
Program model(DType dtype = DType::kF32) {
  ProgramBuilder builder;
  const Term x = builder.term(builder.input("x", {dtype, Shape{3}}));
  const Term w = builder.term(builder.parameter("w", {dtype, Shape{3}}, true));
  const Term frozen = builder.term(builder.parameter("frozen", {dtype, Shape{3}}, false));
  const Term b = builder.term(builder.parameter("b", {dtype, Shape{2, 1}}, true));
  builder.parameter("idle", {dtype, Shape{2}}, true);
  const Term loss = sum(cast(w * x * frozen, DType::kF32), {0}) + sum(cast(b, DType::kF32), {0, 1});
  builder.output("loss", loss.id());
  builder.output("doubled", (x + x).id());
  return *builder.finish();
}

std::string error_of(const Program &program, const std::vector<TrainedGroup> &groups) {
  const Result<std::vector<FlatGroup>> layout = flat_layout(program, groups);
  return layout.ok() ? "" : layout.error().text();
}

TEST(FlatLayout, PutsEveryTrainableParameterAtAWideBoundary) {
  const std::vector<FlatGroup> layout = *flat_layout(model());
  ASSERT_EQ(layout.size(), 1u);
  EXPECT_EQ(layout[0].name, "all");
  ASSERT_EQ(layout[0].slices.size(), 3u);
  EXPECT_EQ(layout[0].slices[0].parameter, "w");
  EXPECT_EQ(layout[0].slices[1].offset, kFlatAlignment);
  EXPECT_EQ(layout[0].slices[2].offset, 2 * kFlatAlignment);
  EXPECT_EQ(layout[0].size, FLAME_GROUP_MULTIPLE);
}

TEST(FlatLayout, RefusesWhatCannotBeTrainedAndNamesIt) {
  EXPECT_THAT(error_of(model(), {{"g", {"ww"}}}), HasSubstr("trains 'ww', which is no parameter"));
  EXPECT_THAT(error_of(model(), {{"g", {"idel"}}}), HasSubstr("did you mean 'idle'?"));
  EXPECT_THAT(error_of(model(), {{"g", {"frozen"}}}), HasSubstr("as frozen"));
  EXPECT_THAT(error_of(model(), {{"g", {"w"}}, {"h", {"b", "w"}}}),
              HasSubstr("already in the group 'g'"));
  EXPECT_THAT(error_of(model(), {{"g", {"w"}}, {"h", {}}}), HasSubstr("'h' has no parameters"));
  EXPECT_THAT(error_of(model(), {{"g", {"w"}}, {"g", {"b"}}}), HasSubstr("two groups"));
  EXPECT_THAT(error_of(model(), {{"", {"w"}}}), HasSubstr("has no name"));
}

TEST(FlatLayout, PutsWhatIsConcatenatedSideBySide) {
  ProgramBuilder builder;
  std::vector<Term> downs;
  for (const char *name : {"q", "q_up", "k", "k_up", "v"}) {
    const Term weight = builder.term(builder.parameter(name, {DType::kF32, Shape{16, 4}}, true));
    if (std::string_view(name).size() == 1) downs.push_back(weight);
  }
  builder.output("y", concat({downs[2], downs[0], downs[1]}, 0).id());
  const Program program = *builder.finish();
  const auto order_of = [&](const std::vector<TrainedGroup> &groups) {
    std::vector<std::string> names;
    const Result<std::vector<FlatGroup>> layout = flat_layout(program, groups);
    EXPECT_TRUE(layout.ok());
    for (const FlatGroup &group : *layout)
      for (const FlatSlice &part : group.slices) names.push_back(part.parameter);
    return names;
  };
  EXPECT_THAT(order_of({}), ElementsAre("v", "q", "k", "q_up", "k_up"));
  EXPECT_THAT(order_of({{"a", {"k_up", "k", "q"}}, {"b", {"v"}}}),
              ElementsAre("k_up", "q", "k", "v"));
  // Naming one twice is still an error.
  EXPECT_THAT(error_of(program, {{"g", {"q", "k", "q"}}}), HasSubstr("already in the group 'g'"));
}

class Accumulate : public testing::Test {
 protected:
  // The buffers of one group of all parameters.
  void start(DType dtype) {
    model_ = model(dtype);
    layout_ = *flat_layout(model_);
    const Result<AccumulateProgram> made = build_accumulate(model_, {"loss", layout_, DType::kF32});
    ASSERT_TRUE(made.ok()) << made.error().text();
    made_ = *made;
    ASSERT_TRUE(validate(made_.program).ok());
    const TensorType flat{DType::kF32, layout_[0].shape()};
    const auto count = static_cast<size_t>(layout_[0].size);
    given_ = {{"x", tensor_of({dtype, Shape{3}}, {1, 2, 3})},
              {"frozen", tensor_of({dtype, Shape{3}}, {1, 1, 2})},
              {parameters_name("all"), tensor_of(flat, std::vector<double>(count, 0.5))},
              {gradient_name("all"), tensor_of(flat, std::vector<double>(count, 1.0))},
              {std::string(kLossScaleName), tensor_of({DType::kF32, Shape()}, {2})}};
  }
  std::vector<double> gradient(bool first) {
    given_[std::string(kFirstName)] = tensor_of({DType::kBool, Shape()}, {first ? 1.0 : 0.0});
    const Result<TensorMap> answers = evaluate(made_.program, given_);
    EXPECT_TRUE(answers.ok()) << answers.error().text();
    loss_ = numbers_of(answers->at("loss"))[0];
    return numbers_of(answers->at(gradient_name("all")));
  }

  Program model_;
  std::vector<FlatGroup> layout_;
  AccumulateProgram made_;
  TensorMap given_;
  double loss_ = 0;
};

TEST_F(Accumulate, AddsTheScaledGradientOfEachParameterAtItsPlace) {
  for (const DType dtype : {DType::kF32, DType::kBF16}) {
    start(dtype);
    const std::vector<double> fresh = gradient(true);
    EXPECT_EQ(loss_, 0.5 * (1 + 2 + 6) + 1);
    const auto at = [&](int64_t place) { return fresh[static_cast<size_t>(place)]; };
    EXPECT_EQ(at(0), 2);
    EXPECT_EQ(at(1), 4);
    EXPECT_EQ(at(2), 12);
    EXPECT_EQ(at(kFlatAlignment), 2);
    EXPECT_EQ(at(kFlatAlignment + 1), 2);
    EXPECT_THAT(std::vector<double>(fresh.begin() + 3, fresh.begin() + kFlatAlignment), Each(0));
    EXPECT_THAT(std::vector<double>(fresh.begin() + 2 * kFlatAlignment, fresh.end()), Each(0));
    const std::vector<double> added = gradient(false);
    for (size_t i = 0; i < fresh.size(); ++i) EXPECT_EQ(added[i], fresh[i] + 1) << i;
  }
}

TEST_F(Accumulate, KeepsTheModelsOutputsAndItsFrozenParametersAlone) {
  start(DType::kF32);
  ASSERT_EQ(made_.program.parameters().size(), 1u);
  EXPECT_EQ(made_.program.parameters()[0].name, "frozen");
  std::vector<std::string> outputs;
  for (const NamedValue &output : made_.program.outputs()) outputs.push_back(output.name);
  EXPECT_THAT(outputs, ElementsAre("loss", "doubled", gradient_name("all")));
  EXPECT_THAT(made_.unreached, ElementsAre("idle"));
  ASSERT_EQ(made_.placement.replaces.size(), 1u);
  EXPECT_EQ(made_.placement.replaces[0].input, gradient_name("all"));
  EXPECT_EQ(made_.placement.replaces[0].output, gradient_name("all"));
}

TEST_F(Accumulate, ParametersOutsideOfTheGroupsAreWeights) {
  const Program program = model();
  const auto layout = flat_layout(program, {{"some", {"b"}}});
  const Result<AccumulateProgram> made = build_accumulate(program, {"loss", *layout, DType::kF64});
  ASSERT_TRUE(made.ok()) << made.error().text();
  EXPECT_NE(made->program.find_parameter("w"), nullptr);
  EXPECT_EQ(made->program.find_parameter("b"), nullptr);
  EXPECT_THAT(made->unreached, IsEmpty());
}

TEST_F(Accumulate, RefusesWhatIsNoLossAndNoMasterCopy) {
  const Program program = model();
  const auto error = [&](const std::string &loss, DType master) {
    const auto made = build_accumulate(program, {loss, *flat_layout(program), master});
    return made.ok() ? "" : made.error().text();
  };
  EXPECT_THAT(error("doubled", DType::kF32), HasSubstr("expected a scalar"));
  EXPECT_THAT(error("los", DType::kF32), HasSubstr("no output 'los'"));
  EXPECT_THAT(error("loss", DType::kBF16), HasSubstr("is bf16, expected f32 or f64"));
}

TEST_F(Accumulate, RefusesAModelThatUsesItsNames) {
  ProgramBuilder builder;
  const Term w = builder.term(builder.parameter("w", {DType::kF32, Shape()}, true));
  const Term x = builder.term(builder.input("train.first", {DType::kF32, Shape()}));
  builder.output("loss", (w * x).id());
  const Program program = *builder.finish();
  const auto made = build_accumulate(program, {"loss", *flat_layout(program), DType::kF32});
  ASSERT_FALSE(made.ok());
  EXPECT_THAT(made.error().text(), HasSubstr("two inputs 'train.first'"));
}

}  // namespace
}  // namespace flame
