// Adafactor where layers repeat: tensors that are stepped together come out as if each were alone.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>

#include "core/plugin/plugin_host.h"
#include "core/train/update.h"
#include "tests/support/evaluate.h"

namespace flame {
namespace {

using testing_support::evaluate;
using testing_support::numbers_of;
using testing_support::tensor_of;

class Adafactor : public testing::Test {
 protected:
  Adafactor() : host_({.lock = {}, .verdicts = VerdictCache(verdicts()), .trial = {}}) {}
  ~Adafactor() override {
    std::error_code ignored;
    std::filesystem::remove_all(verdicts(), ignored);
  }
  static std::filesystem::path verdicts() {
    return std::filesystem::path(testing::TempDir()) /
           ("flame-adafactor-" + std::to_string(getpid()));
  }

  Result<PluginOptimizer> start(double beta1) {
    const Catalogue catalogue = Catalogue::scan({FLAME_PLUGINS});
    FLAME_ASSIGN(const Catalogue::Match match, catalogue.find("optimizer", "adafactor"));
    FLAME_ASSIGN(const StartedComponent started, host_.start(match));
    AttributeList options;
    for (const OptionSpec &spec : started.component->options) {
      OptionValue value = default_value(spec);
      if (spec.name == "beta1") value.items = {Scalar(beta1)};
      if (spec.name == "weight_decay") value.items = {Scalar(0.1)};
      options.add(spec, value);
    }
    return PluginOptimizer::create(started.table<flame_optimizer_interface>(), started.plugin->id(),
                                   "adafactor", options);
  }

  // Parameters after one step, of all groups one behind the other without what is between slices.
  std::vector<double> step(const PluginOptimizer &optimizer, const std::vector<FlatGroup> &groups) {
    UpdateRequest request{{}, DType::kF64, false};
    for (const FlatGroup &group : groups) request.groups.push_back({group, &optimizer});
    const auto update = build_update(request);
    EXPECT_TRUE(update.ok()) << update.error().text();
    const TensorType scalar{DType::kF64, Shape()};
    TensorMap given = {{std::string(kDivisorName), tensor_of(scalar, {1})},
                       {std::string(kStepName), tensor_of({DType::kI64, Shape()}, {4})}};
    int number = 0;
    for (const StateBuffer &state : update->states) {
      std::vector<double> numbers(static_cast<size_t>(state.type.shape.element_count()), 0.1);
      given[state.name] = tensor_of(state.type, numbers);
    }
    for (const FlatGroup &group : groups) {
      const TensorType flat{DType::kF64, group.shape()};
      std::vector<double> parameters(static_cast<size_t>(group.size), 0), gradients = parameters;
      for (const FlatSlice &part : group.slices) {
        for (int64_t i = 0; i < part.type.shape.element_count(); ++i, ++number) {
          parameters[static_cast<size_t>(part.offset + i)] = std::sin(number);
          gradients[static_cast<size_t>(part.offset + i)] = std::cos(3 * number);
        }
      }
      given[parameters_name(group.name)] = tensor_of(flat, parameters);
      given[gradient_name(group.name)] = tensor_of(flat, gradients);
      given[learning_rate_name(group.name)] = tensor_of(scalar, {0.01});
    }
    const Result<TensorMap> answers = evaluate(update->program, given);
    EXPECT_TRUE(answers.ok()) << answers.error().text();
    std::vector<double> seen;
    for (const FlatGroup &group : groups) {
      const std::vector<double> flat = numbers_of(answers->at(parameters_name(group.name)));
      for (const FlatSlice &part : group.slices) {
        const auto begin = flat.begin() + part.offset;
        seen.insert(seen.end(), begin, begin + part.type.shape.element_count());
      }
    }
    return seen;
  }

  PluginHost host_;
};

TEST_F(Adafactor, StepsLayersThatRepeatAsItStepsEachAlone) {
  const std::vector<Shape> pattern = {Shape{6, 4}, Shape{3, 7}, Shape{9}, Shape{2, 3, 3, 5}};
  FlatGroup together{"all", {}, 0};
  std::vector<FlatGroup> apart;
  for (int repetition = 0; repetition < 3; ++repetition) {
    for (const Shape &shape : pattern) {
      const std::string name = "w" + std::to_string(apart.size());
      together.slices.push_back({name, {DType::kF64, shape}, together.size});
      together.size += 128;
      apart.push_back({name, {{name, {DType::kF64, shape}, 0}}, 256});
    }
  }
  for (const double beta1 : {0.0, 0.9}) {
    SCOPED_TRACE(beta1);
    const Result<PluginOptimizer> optimizer = start(beta1);
    ASSERT_TRUE(optimizer.ok()) << optimizer.error().text();
    const std::vector<double> seen = step(*optimizer, {together}), right = step(*optimizer, apart);
    ASSERT_EQ(seen.size(), right.size());
    for (size_t i = 0; i < seen.size(); ++i) EXPECT_DOUBLE_EQ(seen[i], right[i]) << i;
  }
}

}  // namespace
}  // namespace flame
