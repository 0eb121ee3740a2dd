// Lion, step for step as lion-pytorch: steps of one size, along the sign of a mean gradient.
#include "flame/plugin.hpp"

namespace {

class Lion : public flame::Optimizer {
 public:
  struct Options {
    std::vector<double> betas = {0.9, 0.99};
    double weight_decay = 0;

    void describe(flame::OptionTable &table) {
      table
          .number("betas", betas,
                  "How much of the mean gradient counts in a step, and how much of it is kept: two "
                  "numbers from 0 to 1.")
          .range(0, 1);
      table
          .number("weight_decay", weight_decay,
                  "Pulls parameters towards zero: a step takes off this much of them times the "
                  "learning rate.")
          .minimum(0)
          .alias("wd");
    }
  };

  explicit Lion(const Options &options) : options_(options) {
    if (options.betas.size() == 2) return;
    throw flame::invalid_argument("betas has ", options.betas.size(),
                                  " numbers, expected two, such as [0.9, 0.99]");
  }

  std::vector<flame::OptimizerState> states() const override { return {{"mean"}}; }

  flame::OptimizerOutputs build(flame::Program &, const flame::OptimizerInputs &in) override {
    flame::Value parameter = in.parameter;
    if (options_.weight_decay != 0) {
      parameter = parameter * (1.0 - options_.weight_decay * in.learning_rate);
    }
    const flame::Value direction = mixed(options_.betas[0], in.states[0], in.gradient);
    return {parameter - in.learning_rate * flame::op("sign", {direction}),
            {mixed(options_.betas[1], in.states[0], in.gradient)}};
  }

 private:
  static flame::Value mixed(double kept, const flame::Value &mean, const flame::Value &gradient) {
    return kept * mean + (1 - kept) * gradient;
  }

  Options options_;
};

}  // namespace

FLAME_PLUGIN(plugin) {
  plugin.id("org.flamehost.lion").version("0.1.0").vendor("The flamehost authors");
  plugin.license("Apache-2.0").summary("Lion: steps of one size along a sign.");
  plugin.add<Lion>("lion", "Lion: steps of one size along a sign.");
}
