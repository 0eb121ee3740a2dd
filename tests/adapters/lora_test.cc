// The LoRA plugin on the layers of small networks: names, shapes, and no effect at the start.
#include <cmath>
#include <optional>

#include "core/ops/catalogue/terms.h"
#include "core/plugin/plugin_adapter.h"
#include "core/tensor/numbers.h"
#include "flame/philox.hpp"
#include "tests/unit/passes/pass_samples.h"

namespace flame {
namespace {

using namespace pass_test;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

class Lora : public testing::Test {
 protected:
  // The program with LoRA at these layers, with the options of the pipeline.
  Result<Adapted> adapted(const Program &program, const std::vector<std::string> &layers,
                          double rank_dropout = 0, std::optional<uint32_t> first_stream = {}) {
    const Catalogue catalogue = Catalogue::scan({FLAME_PLUGINS});
    FLAME_ASSIGN(const Catalogue::Match match, catalogue.find("adapter", "lora"));
    FLAME_ASSIGN(const StartedComponent started, host_.start(match));
    FLAME_ASSIGN(AdaptRequest request, adapt_request(started,
                                                     {{"rank", false, {int64_t{4}}},
                                                      {"rank_dropout", false, {rank_dropout}}},
                                                     layers));
    request.first_stream = first_stream;
    return adapt(program, request);
  }
  std::string error_of(const std::vector<std::string> &layers) {
    const Result<Adapted> made = adapted(transformer_program(DType::kF32), layers);
    return made.ok() ? "it was accepted" : made.error().text();
  }

  PluginHost host_{{}};
};

// The answers of both on the same data, with every `up` at zero.
void expect_no_effect(const Program &adapted, const Program &program) {
  TensorMap data = data_for(adapted);
  for (auto &[name, tensor] : data) {
    if (name.ends_with("lora_up.weight")) std::ranges::fill(tensor.bytes, std::byte{0});
  }
  const auto before = testing_support::evaluate(program, data);
  const auto after = testing_support::evaluate(adapted, data);
  ASSERT_TRUE(before.ok() && after.ok());
  EXPECT_EQ(before->at("loss").bytes, after->at("loss").bytes);
}

TEST_F(Lora, StandsBesideLinearsWithoutEffectAtTheStart) {
  const Program program = transformer_program(DType::kF32);
  const Result<Adapted> made = adapted(program, {});
  ASSERT_TRUE(made.ok()) << made.error().text();
  EXPECT_TRUE(validate(made->program).ok());
  EXPECT_THAT(made->layers, ElementsAre("to_q", "to_k", "to_v", "to_out", "up", "down"));
  EXPECT_EQ(made->program.type(made->program.find_parameter("up.lora_down.weight")->value).text(),
            "f32[4, 8]");
  EXPECT_EQ(made->program.type(made->program.find_parameter("up.lora_up.weight")->value).text(),
            "f32[64, 4]");
  expect_no_effect(made->program, program);
}

TEST_F(Lora, StartsAsTheLayersOfPyTorchDo) {
  const Result<Adapted> made = adapted(transformer_program(DType::kF32), {});
  ASSERT_TRUE(made.ok()) << made.error().text();
  const Initial down{Initial::Kind::kUniform, 1 / std::sqrt(8.0)};
  EXPECT_EQ(made->program.find_parameter("up.lora_down.weight")->initial, down);
  EXPECT_EQ(made->program.find_parameter("up.lora_up.weight")->initial, Initial());
}

TEST_F(Lora, StandsBesideConvolutions) {
  const Program program = residual_program(DType::kF32);
  const Result<Adapted> made = adapted(program, {"conv*"});
  ASSERT_TRUE(made.ok()) << made.error().text();
  EXPECT_THAT(made->layers, ElementsAre("conv1", "conv2"));
  EXPECT_EQ(
      made->program.type(made->program.find_parameter("conv1.lora_down.weight")->value).text(),
      "f32[4, 3, 3, 6]");
  EXPECT_EQ(made->program.type(made->program.find_parameter("conv1.lora_up.weight")->value).text(),
            "f32[6, 1, 1, 4]");
  expect_no_effect(made->program, program);
}

TEST_F(Lora, GetsGradientsAndTheBaseGetsNone) {
  const Result<Adapted> made = adapted(transformer_program(DType::kF32), {"to_q", "down"});
  ASSERT_TRUE(made.ok()) << made.error().text();
  const Program whole = with_gradients(made->program);
  EXPECT_EQ(whole.outputs().size(), 5u);  // the loss, and two adapters of two parameters
  const auto answers = testing_support::evaluate(whole, data_for(whole));
  for (const auto &[name, tensor] : *answers) {
    const std::vector<double> numbers = testing_support::numbers_of(tensor);
    EXPECT_TRUE(std::ranges::any_of(numbers, [](double x) { return x != 0; })) << name;
  }
}

TEST_F(Lora, TakesOptionsForSomeLayers) {
  const Result<Adapted> made =
      adapted(transformer_program(DType::kF32), {"to_*", "to_k rank=2 alpha=1", "!to_out"});
  ASSERT_TRUE(made.ok()) << made.error().text();
  EXPECT_THAT(made->layers, ElementsAre("to_q", "to_k", "to_v"));
  const Program &program = made->program;
  EXPECT_EQ(program.type(program.find_parameter("to_q.lora_up.weight")->value).text(), "f32[8, 4]");
  EXPECT_EQ(program.type(program.find_parameter("to_k.lora_up.weight")->value).text(), "f32[8, 2]");
  EXPECT_THAT(to_text(program), HasSubstr("value: 0.5"));
}

TEST_F(Lora, NamesTheChoiceThatIsWrong) {
  EXPECT_THAT(error_of({"to_q rnak=4"}),
              AllOf(HasSubstr("layers 'to_q rnak=4'"), HasSubstr("did you mean 'rank'?")));
  EXPECT_THAT(error_of({"to_q rank=0"}), HasSubstr("'0' is not"));
  EXPECT_THAT(error_of({"to_x"}), HasSubstr("means no layer"));
}

// y = W x + up · dropped(down · x), over two rows of two examples.
Program one_layer() {
  ProgramBuilder builder;
  const ValueId x = builder.input("x", {DType::kF32, Shape{2, 2, 3}});
  builder.push_scope("layer");
  const ValueId weight = builder.parameter("weight", {DType::kF32, Shape{5, 3}}, false);
  builder.output("y", apply_one("linear", {builder.term(x), builder.term(weight)}).id());
  builder.pop_scope();
  return *builder.finish();
}

TensorMap with_draw(TensorMap data, int64_t counter, double learning) {
  data[std::string(kDrawSeedInput)] = tensor_of({DType::kI64, Shape()}, std::vector<double>{7});
  data[std::string(kDrawCounterInput)] =
      tensor_of({DType::kI64, Shape()}, std::vector<double>{static_cast<double>(counter)});
  data[std::string(kDrawLearningInput)] =
      tensor_of({DType::kF32, Shape()}, std::vector<double>{learning});
  return data;
}

TEST_F(Lora, LeavesRanksOfEachExampleOutInAStepThatLearns) {
  constexpr double kRate = 0.4;
  constexpr uint32_t kStream = 5;
  const Result<Adapted> made = adapted(one_layer(), {}, kRate, kStream);
  ASSERT_TRUE(made.ok()) << made.error().text();
  const Result<Adapted> whole = adapted(one_layer(), {});
  ASSERT_TRUE(whole.ok()) << whole.error().text();
  const TensorMap data = data_for(whole->program);
  size_t left_out = 0;
  for (const int64_t counter : {0, 1, 2, 3}) {
    const auto seen = testing_support::evaluate(made->program, with_draw(data, counter, 1));
    ASSERT_TRUE(seen.ok()) << seen.error().text();
    // The same from a `down` that is answered for: the ranks that stay, over the part that stays.
    const auto ranks_of = [&](size_t example, size_t rank) {
      const PhiloxWords words = random_words(7, counter, kStream, (example * 4 + rank) / 4);
      return uniform_of(words[rank % 4]) >= static_cast<float>(kRate) ? 1 / (1 - kRate) : 0.0;
    };
    const std::vector<double> x = numbers_of(data.at("x")),
                              base = numbers_of(data.at("layer.weight")),
                              down = numbers_of(data.at("layer.lora_down.weight")),
                              up = numbers_of(data.at("layer.lora_up.weight")),
                              y = numbers_of(seen->at("y"));
    for (size_t row = 0; row < 4; ++row) {
      for (size_t out = 0; out < 5; ++out) {
        double expected = 0;
        for (size_t k = 0; k < 3; ++k) expected += x[row * 3 + k] * base[out * 3 + k];
        for (size_t rank = 0; rank < 4; ++rank) {
          double sum = 0;
          for (size_t k = 0; k < 3; ++k) sum += x[row * 3 + k] * down[rank * 3 + k];
          const double factor = ranks_of(row / 2, rank);
          left_out += factor == 0;
          expected += factor * sum * up[out * 4 + rank];
        }
        EXPECT_NEAR(y[row * 5 + out], expected, 1e-5) << "row " << row << ", output " << out;
      }
    }
  }
  EXPECT_GT(left_out, 0u);
}

TEST_F(Lora, LeavesNothingOutWhereTheProgramOnlyAnswers) {
  const Result<Adapted> made = adapted(one_layer(), {}, 0.4, 5);
  const Result<Adapted> whole = adapted(one_layer(), {});
  ASSERT_TRUE(made.ok() && whole.ok());
  const TensorMap data = data_for(whole->program);
  const auto answers = testing_support::evaluate(made->program, with_draw(data, 0, 0));
  const auto expected = testing_support::evaluate(whole->program, data);
  ASSERT_TRUE(answers.ok() && expected.ok());
  EXPECT_EQ(answers->at("y").bytes, expected->at("y").bytes);
  // A program that never learns has no such inputs, and one in which nothing is drawn neither.
  EXPECT_EQ(adapted(one_layer(), {}, 0.4)->program.inputs().size(), 1u);
  EXPECT_EQ(adapted(one_layer(), {}, 0, 5)->program.inputs().size(), 1u);
}

}  // namespace
}  // namespace flame
