// Adam, step for step as torch.optim.Adam: weight decay is a part of the gradient.
#include "plugins/optimizers/adam/moments.h"

namespace {

class Adam : public flame::Optimizer {
 public:
  struct Options : adam::Options {
    double weight_decay = 0;

    void describe(flame::OptionTable &table) {
      adam::Options::describe(table);
      table
          .number("weight_decay", weight_decay,
                  "Pulls parameters towards zero: this much of them is added to the gradient.")
          .minimum(0)
          .alias("wd");
    }
  };

  explicit Adam(const Options &options) : options_(options) { options.check(); }

  std::vector<flame::OptimizerState> states() const override { return adam::states(); }

  flame::OptimizerOutputs build(flame::Program &program,
                                const flame::OptimizerInputs &in) override {
    flame::Value gradient = in.gradient;
    if (options_.weight_decay != 0) gradient = gradient + options_.weight_decay * in.parameter;
    return adam::step(program, options_, in, in.parameter, gradient);
  }

 private:
  Options options_;
};

}  // namespace

FLAME_PLUGIN(plugin) {
  plugin.id("org.flamehost.adam").version("0.1.0").vendor("The flamehost authors");
  plugin.license("Apache-2.0").summary("Adam: steps scaled by the gradient's moments.");
  plugin.add<Adam>("adam", "Adam: steps scaled by the gradient's moments.");
}
