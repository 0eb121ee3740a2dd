// The LoRA plugin on the layers of small networks: names, shapes, and no effect at the start.
#include <cmath>

#include "core/plugin/plugin_adapter.h"
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
  Result<Adapted> adapted(const Program &program, const std::vector<std::string> &layers) {
    const Catalogue catalogue = Catalogue::scan({FLAME_PLUGINS});
    FLAME_ASSIGN(const Catalogue::Match match, catalogue.find("adapter", "lora"));
    FLAME_ASSIGN(const StartedComponent started, host_.start(match));
    FLAME_ASSIGN(const AdaptRequest request,
                 adapt_request(started, {{"rank", false, {int64_t{4}}}}, layers));
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

}  // namespace
}  // namespace flame
