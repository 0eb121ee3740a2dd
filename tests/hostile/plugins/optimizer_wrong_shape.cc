// An optimizer whose new parameter is a single number.
#include "flame/plugin.hpp"

namespace {

class Shrinking : public flame::Optimizer {
 public:
  std::vector<flame::OptimizerState> states() const override { return {}; }
  flame::OptimizerOutputs build(flame::Program &, const flame::OptimizerInputs &in) override {
    return {in.learning_rate, {}};
  }
};

}  // namespace

FLAME_PLUGIN(plugin) {
  plugin.id("org.flamehost.test.shrinking").version("1.0.0").vendor("Test").license("Apache-2.0");
  plugin.summary("An optimizer for tests.");
  plugin.add<Shrinking>("shrinking", "Makes one number of all parameters.");
}
