// The program of a step, and optimizers that break their contract. Its numbers are proven in tests/golden.
#include "core/train/update.h"

#include <gmock/gmock.h>

#include <cmath>
#include <limits>

#include "core/ops/catalogue/terms.h"
#include "core/train/accumulate.h"
#include "tests/support/evaluate.h"

namespace flame {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing_support::evaluate;
using testing_support::numbers_of;
using testing_support::tensor_of;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// An optimizer of the test: parameter - learning_rate · gradient, and a state that is the gradient.
struct FakeOptimizer {
  const char *fault = "";

  static FakeOptimizer &of(flame_optimizer *optimizer) {
    return *reinterpret_cast<FakeOptimizer *>(optimizer);
  }
};

flame_str text(std::string_view value) {
  return {value.data(), value.size()};
}

flame_value add_op(const flame_program_builder *builder, flame_call *call, std::string_view name,
                   std::vector<flame_value> inputs) {
  flame_node node{};
  node.struct_size = sizeof(node);
  node.name = text(name);
  node.file = text("fake.cc");
  node.line = 7;
  node.input_count = static_cast<uint32_t>(inputs.size());
  node.inputs = inputs.data();
  node.output_count = 1;
  flame_value out = 0;
  builder->op(builder->self, call, &node, &out);
  return out;
}

class Update : public testing::Test {
 protected:
  Update() {
    table_.struct_size = sizeof(table_);
    table_.create = [](flame_call *, flame_str component, const flame_attribute *, uint32_t,
                       flame_optimizer **out) noexcept -> flame_status {
      *out = reinterpret_cast<flame_optimizer *>(new FakeOptimizer{component.data});
      return FLAME_OK;
    };
    table_.destroy = [](flame_optimizer *optimizer) noexcept {
      delete &FakeOptimizer::of(optimizer);
    };
    table_.describe_state = [](flame_optimizer *optimizer, flame_call *, uint32_t index,
                               flame_state_info *out) noexcept -> flame_status {
      const std::string_view fault = FakeOptimizer::of(optimizer).fault;
      const uint32_t count = fault == "same-names" ? 2 : fault == "endless" ? UINT32_MAX : 1;
      if (index >= count) return FLAME_ERROR_END;
      static std::string names[100];
      if (index < 100) names[index] = "s" + std::to_string(index);
      out->name = fault == "same-names" ? text("s") : text(names[index % 100]);
      out->initial = fault == "not-finite" ? kInfinity : 0;
      out->extent = fault == "no-extent"                         ? 3
                    : fault == "sized" || fault == "no-size"     ? FLAME_STATE_SIZED
                    : fault == "shared" || fault == "not-shared" ? FLAME_STATE_SHARED
                                                                 : FLAME_STATE_PER_ELEMENT;
      return FLAME_OK;
    };
    // The number of slices; the last one of a shape [2] or larger.
    table_.state_size = [](flame_optimizer *optimizer, flame_call *, uint32_t,
                           const flame_group *group, int64_t *out) noexcept -> flame_status {
      const flame_slice &last = group->slices[group->slice_count - 1];
      *out = last.rank == 1 && last.shape[0] >= 2 ? group->slice_count : -1;
      if (std::string_view(FakeOptimizer::of(optimizer).fault) == "no-size") *out = 0;
      return FLAME_OK;
    };
    table_.build = [](flame_optimizer *optimizer, flame_call *call,
                      const flame_program_builder *builder,
                      flame_update *update) noexcept -> flame_status {
      const std::string_view fault = FakeOptimizer::of(optimizer).fault;
      if (fault == "shared" || fault == "not-shared") {
        const flame_value first = add_op(builder, call, "neg", {update->states[0]});
        for (flame_update *at = update; at; at = at->next) {
          at->new_parameter = add_op(builder, call, "mul", {at->parameter, first});
          at->new_states[0] = fault == "shared" || at == update ? first : at->states[0];
        }
        return FLAME_OK;
      }
      const flame_value change =
          add_op(builder, call, "mul", {update->learning_rate, update->gradient});
      update->new_parameter = add_op(builder, call, "sub", {update->parameter, change});
      update->new_states[0] = fault == "sized" ? update->states[0] : update->gradient;
      if (fault == "no-parameter") update->new_parameter = 0;
      if (fault == "scalar-state") update->new_states[0] = update->learning_rate;
      if (fault == "wrong-op")
        return add_op(builder, call, "no_such_op", {change}), FLAME_ERROR_INVALID_ARGUMENT;
      return FLAME_OK;
    };
  }

  Result<PluginOptimizer> optimizer(const char *fault) {
    return PluginOptimizer::create(table_, "org.example.fake", fault, AttributeList());
  }
  std::string error_of(const char *fault) {
    const Result<PluginOptimizer> made = optimizer(fault);
    if (!made.ok()) return made.error().text();
    const auto program = build_update({{{layout(), &*made}}, DType::kF32, false});
    return program.ok() ? "" : program.error().text();
  }
  static FlatGroup layout(const std::string &name = "g") {
    return {name, {{"w", {DType::kF32, Shape{2}}, 0}}, 2};
  }

  flame_optimizer_interface table_{};
};

TEST_F(Update, ANormThatIsNotFiniteLeavesEverythingAsItWas) {
  const Result<PluginOptimizer> made = optimizer("");
  ASSERT_TRUE(made.ok()) << made.error().text();
  const auto update = build_update({{{layout(), &*made}}, DType::kF32, true});
  ASSERT_TRUE(update.ok()) << update.error().text();
  ASSERT_TRUE(validate(update->program).ok());
  const TensorType flat{DType::kF32, Shape{2}};
  const TensorType scalar{DType::kF32, Shape()};
  TensorMap given = {{parameters_name("g"), tensor_of(flat, {1, 2})},
                     {state_name("g", "s0"), tensor_of(flat, {5, 6})},
                     {learning_rate_name("g"), tensor_of(scalar, {0.5})},
                     {std::string(kDivisorName), tensor_of(scalar, {2})},
                     {std::string(kMaxNormName), tensor_of(scalar, {100})},
                     {std::string(kStepName), tensor_of({DType::kI64, Shape()}, {41})}};
  const auto run = [&](std::vector<double> gradient) {
    given[gradient_name("g")] = tensor_of(flat, gradient);
    return *evaluate(update->program, given);
  };
  for (const double bad : {kInfinity, -kInfinity, std::nan(""), 3e38}) {
    const TensorMap answers = run({bad, 1});
    EXPECT_THAT(numbers_of(answers.at(std::string(kFiniteName))), ElementsAre(0));
    EXPECT_THAT(numbers_of(answers.at(parameters_name("g"))), ElementsAre(1, 2));
    EXPECT_THAT(numbers_of(answers.at(state_name("g", "s0"))), ElementsAre(5, 6));
    EXPECT_THAT(numbers_of(answers.at(std::string(kStepName))), ElementsAre(41));
  }
  const TensorMap answers = run({6, 8});
  EXPECT_THAT(numbers_of(answers.at(std::string(kFiniteName))), ElementsAre(1));
  EXPECT_THAT(numbers_of(answers.at(std::string(kGradientNormName))), ElementsAre(5));
  EXPECT_THAT(numbers_of(answers.at(parameters_name("g"))), ElementsAre(-0.5, 0));
  EXPECT_THAT(numbers_of(answers.at(state_name("g", "s0"))), ElementsAre(3, 4));
  EXPECT_THAT(numbers_of(answers.at(std::string(kStepName))), ElementsAre(42));
}

TEST_F(Update, GivesGroupsOfOneOptimizerOneSharedState) {
  const Result<PluginOptimizer> made = optimizer("shared");
  const Result<PluginOptimizer> other = optimizer("");
  ASSERT_TRUE(made.ok()) << made.error().text();
  const auto update = build_update(
      {{{layout("a"), &*made}, {layout("b"), &*other}, {layout("c"), &*made}}, DType::kF32, false});
  ASSERT_TRUE(update.ok()) << update.error().text();
  ASSERT_TRUE(validate(update->program).ok());
  std::vector<std::string> states;
  for (const StateBuffer &state : update->states) states.push_back(state.name);
  EXPECT_THAT(states, ElementsAre(shared_state_name("a", "s0"), state_name("b", "s0")));
  EXPECT_EQ(update->states[0].type.text(), "f32[]");
  const TensorType flat{DType::kF32, Shape{2}};
  const TensorType scalar{DType::kF32, Shape()};
  TensorMap given = {{shared_state_name("a", "s0"), tensor_of(scalar, {-3})},
                     {state_name("b", "s0"), tensor_of(flat, {0, 0})},
                     {std::string(kDivisorName), tensor_of(scalar, {1})},
                     {std::string(kStepName), tensor_of({DType::kI64, Shape()}, {0})}};
  for (const std::string name : {"a", "b", "c"}) {
    given[parameters_name(name)] = tensor_of(flat, {1, 2});
    given[gradient_name(name)] = tensor_of(flat, {1, 1});
    given[learning_rate_name(name)] = tensor_of(scalar, {0.5});
  }
  const TensorMap answers = *evaluate(update->program, given);
  EXPECT_THAT(numbers_of(answers.at(parameters_name("a"))), ElementsAre(3, 6));
  EXPECT_THAT(numbers_of(answers.at(parameters_name("b"))), ElementsAre(0.5, 1.5));
  EXPECT_THAT(numbers_of(answers.at(parameters_name("c"))), ElementsAre(3, 6));
  EXPECT_THAT(numbers_of(answers.at(shared_state_name("a", "s0"))), ElementsAre(3));
}

TEST_F(Update, AsksForTheSizeOfAStateOfEachGroup) {
  const Result<PluginOptimizer> made = optimizer("sized");
  ASSERT_TRUE(made.ok()) << made.error().text();
  FlatGroup larger = layout("h");
  larger.slices.push_back({"v", {DType::kF32, Shape{5}}, 64});
  larger.size = 256;
  const auto update = build_update({{{layout(), &*made}, {larger, &*made}}, DType::kF32, false});
  ASSERT_TRUE(update.ok()) << update.error().text();
  ASSERT_EQ(update->states.size(), 2u);
  EXPECT_EQ(update->states[0].type.text(), "f32[1]");
  EXPECT_EQ(update->states[1].type.text(), "f32[2]");
}

TEST_F(Update, KeepsAMovingAverageOfTheParameters) {
  const Result<PluginOptimizer> made = optimizer("");
  UpdateRequest request{{{layout(), &*made}}, DType::kF32, false};
  request.averages = true;
  const auto update = build_update(request);
  ASSERT_TRUE(update.ok()) << update.error().text();
  const TensorType flat{DType::kF32, Shape{2}};
  const TensorType scalar{DType::kF32, Shape()};
  TensorMap given = {{parameters_name("g"), tensor_of(flat, {1, 2})},
                     {gradient_name("g"), tensor_of(flat, {8, 8})},
                     {average_name("g"), tensor_of(flat, {1, 2})},
                     {state_name("g", "s0"), tensor_of(flat, {0, 0})},
                     {learning_rate_name("g"), tensor_of(scalar, {0.5})},
                     {std::string(kAverageDecayName), tensor_of(scalar, {0.75})},
                     {std::string(kDivisorName), tensor_of(scalar, {1})},
                     {std::string(kStepName), tensor_of({DType::kI64, Shape()}, {0})}};
  EXPECT_THAT(numbers_of(evaluate(update->program, given)->at(average_name("g"))),
              ElementsAre(0, 1));
  given[gradient_name("g")] = tensor_of(flat, {kInfinity, 8});
  EXPECT_THAT(numbers_of(evaluate(update->program, given)->at(average_name("g"))),
              ElementsAre(1, 2));
}

// As PyTorch's GradScaler with an interval of 3: torch._amp_update_scale_ gives these.
TEST_F(Update, LetsTheLossScaleFollowTheGradients) {
  const Result<PluginOptimizer> made = optimizer("");
  UpdateRequest request{{{layout(), &*made}}, DType::kF32, false};
  request.loss_scaling = LossScaling{.dtype = DType::kF32, .initial = 4, .interval = 3};
  const auto update = build_update(request);
  ASSERT_TRUE(update.ok()) << update.error().text();
  const std::string scale(kLossScaleName), good(kGoodStepsName);
  EXPECT_EQ(update->states[0].name, scale);
  EXPECT_EQ(update->states[0].initial, 4);
  const TensorType flat{DType::kF32, Shape{2}};
  const TensorType scalar{DType::kF32, Shape()};
  TensorMap given = {{parameters_name("g"), tensor_of(flat, {1, 2})},
                     {state_name("g", "s0"), tensor_of(flat, {0, 0})},
                     {learning_rate_name("g"), tensor_of(scalar, {0.5})},
                     {std::string(kDivisorName), tensor_of(scalar, {2})},
                     {scale, tensor_of(scalar, {4})},
                     {good, tensor_of({DType::kI64, Shape()}, {0})},
                     {std::string(kStepName), tensor_of({DType::kI64, Shape()}, {0})}};
  const double bad = kInfinity;
  const std::vector<double> gradients = {16, 16, bad, bad, 16, 16, 16, 16, 16, 16, 16};
  const std::vector<double> scales = {4, 4, 2, 1, 1, 1, 2, 2, 2, 4, 4};
  const std::vector<double> counts = {1, 2, 0, 0, 1, 2, 0, 1, 2, 0, 1};
  for (size_t i = 0; i < gradients.size(); ++i) {
    SCOPED_TRACE(i);
    const double before = numbers_of(given.at(scale))[0];
    given[gradient_name("g")] = tensor_of(flat, {gradients[i], 0});
    const TensorMap answers = *evaluate(update->program, given);
    EXPECT_THAT(numbers_of(answers.at(scale)), ElementsAre(scales[i]));
    EXPECT_THAT(numbers_of(answers.at(good)), ElementsAre(counts[i]));
    if (gradients[i] != bad) {
      EXPECT_THAT(numbers_of(answers.at(std::string(kGradientNormName))),
                  ElementsAre(16 / (2 * before)));
      EXPECT_THAT(numbers_of(answers.at(parameters_name("g"))),
                  ElementsAre(1 - 0.5 * 16 / (2 * before), 2));
    } else {
      EXPECT_THAT(numbers_of(answers.at(parameters_name("g"))), ElementsAre(1, 2));
    }
    given[scale] = answers.at(scale);
    given[good] = answers.at(good);
  }
  // A scale that cannot grow any more stays.
  given[scale] = tensor_of(scalar, {0x1p127});
  given[good] = tensor_of({DType::kI64, Shape()}, {2});
  EXPECT_THAT(numbers_of(evaluate(update->program, given)->at(scale)), ElementsAre(0x1p127));
}

TEST_F(Update, SaysWhatIsReplacedAndWhereStatesBegin) {
  const Result<PluginOptimizer> made = optimizer("");
  const auto update = build_update({{{layout(), &*made}}, DType::kF64, false});
  ASSERT_TRUE(update.ok()) << update.error().text();
  std::vector<std::string> replaced;
  for (const auto &[input, output] : update->placement.replaces) {
    EXPECT_EQ(update->program.type(update->program.find_input(input)->value),
              update->program.type(update->program.find_output(output)->value));
    replaced.push_back(input);
  }
  EXPECT_THAT(replaced, ElementsAre(parameters_name("g"), state_name("g", "s0"), kStepName));
  ASSERT_EQ(update->states.size(), 1u);
  EXPECT_EQ(update->states[0].type.text(), "f64[2]");
}

TEST_F(Update, NamesThePluginAndTheRuleThatItBreaks) {
  EXPECT_EQ(error_of(""), "");
  for (const auto &[fault, message] :
       {std::pair{"same-names", "names its state 1 's', expected a name of its own"},
        std::pair{"endless", "has more than 64 states"},
        std::pair{"not-finite", "starts its state 's0' at inf"},
        std::pair{"no-parameter", "gives no value as its new parameter"},
        std::pair{"scalar-state", "gives its new state 's0' as f32[], expected f32[2]"},
        std::pair{"no-extent", "gives its state 's0' the extent 3, which does not exist"},
        std::pair{"no-size", "gives its state 's0' 0 elements, expected 1 to 2^59"},
        std::pair{"wrong-op", "no_such_op"}}) {
    EXPECT_THAT(error_of(fault), HasSubstr(message));
    EXPECT_THAT(error_of(fault), HasSubstr("org.example.fake"));
  }
}

TEST_F(Update, RefusesASharedStateThatIsNotOneAndASizeThatNobodyTells) {
  const Result<PluginOptimizer> made = optimizer("not-shared");
  const auto update =
      build_update({{{layout("a"), &*made}, {layout("b"), &*made}}, DType::kF32, false});
  ASSERT_FALSE(update.ok());
  EXPECT_THAT(update.error().text(),
              HasSubstr("gives its shared state 's0' as one value for the group 'a' and as another "
                        "for 'b'"));
  table_.state_size = nullptr;
  EXPECT_THAT(error_of("sized"), HasSubstr("has the sized state 's0', but no function state_size"));
  table_.struct_size = offsetof(flame_optimizer_interface, state_size);
  EXPECT_THAT(error_of("sized"), HasSubstr("has the sized state 's0', but no function state_size"));
  EXPECT_EQ(error_of(""), "");
}

TEST_F(Update, RefusesNothingToTrainAndANarrowMasterCopy) {
  const Result<PluginOptimizer> made = optimizer("");
  const auto narrow = build_update({{{layout(), &*made}}, DType::kF16, false});
  ASSERT_FALSE(narrow.ok());
  EXPECT_THAT(narrow.error().text(), HasSubstr("is f16, expected f32 or f64"));
  EXPECT_FALSE(build_update({}).ok());
}

}  // namespace
}  // namespace flame
