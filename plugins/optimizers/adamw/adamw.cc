// AdamW, step for step as torch.optim.AdamW: weight decay is taken off the parameters directly.
#include "plugins/optimizers/adam/moments.h"

namespace {

class AdamW : public flame::Optimizer {
 public:
  struct Options : adam::Options {
    double weight_decay = 0.01;

    void describe(flame::OptionTable &table) {
      adam::Options::describe(table);
      table
          .number("weight_decay", weight_decay,
                  "Pulls parameters towards zero: a step takes off this much of them times the "
                  "learning rate.")
          .minimum(0)
          .alias("wd");
    }
  };

  explicit AdamW(const Options &options) : options_(options) { options.check(); }

  std::vector<flame::OptimizerState> states() const override { return adam::states(); }

  flame::OptimizerOutputs build(flame::Program &program,
                                const flame::OptimizerInputs &in) override {
    flame::Value parameter = in.parameter;
    if (options_.weight_decay != 0) {
      parameter = parameter * (1.0 - options_.weight_decay * in.learning_rate);
    }
    return adam::step(program, options_, in, parameter, in.gradient);
  }

 private:
  Options options_;
};

}  // namespace

FLAME_PLUGIN(plugin) {
  plugin.id("org.flamehost.adamw").version("0.1.0").vendor("The flamehost authors");
  plugin.license("Apache-2.0").summary("Adam with decoupled weight decay.");
  plugin.add<AdamW>("adamw", "Adam with decoupled weight decay.");
}
