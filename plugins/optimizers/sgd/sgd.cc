// Stochastic gradient descent with momentum, step for step as torch.optim.SGD.
#include "flame/plugin.hpp"

namespace {

class Sgd : public flame::Optimizer {
 public:
  struct Options {
    double momentum = 0;
    double dampening = 0;
    double weight_decay = 0;
    bool nesterov = false;

    void describe(flame::OptionTable &table) {
      table.number("momentum", momentum, "How much of the last direction is kept.").range(0, 1);
      table
          .number("dampening", dampening,
                  "How much of the gradient the direction leaves out, from the second step on.")
          .range(0, 1);
      table
          .number("weight_decay", weight_decay,
                  "Pulls parameters towards zero: this much of them is added to the gradient.")
          .minimum(0)
          .alias("wd");
      table.flag("nesterov", nesterov,
                 "Steps as if the direction had been taken once more; needs momentum.");
    }
  };

  explicit Sgd(const Options &options) : options_(options) {
    if (!options.nesterov || (options.momentum > 0 && options.dampening == 0)) return;
    throw flame::invalid_argument(
        "nesterov is on with momentum ", options.momentum, " and dampening ", options.dampening,
        "; it needs a momentum above 0 and no dampening: set both so, or turn nesterov off");
  }

  std::vector<flame::OptimizerState> states() const override {
    if (options_.momentum == 0) return {};
    return {{"momentum"}};
  }

  flame::OptimizerOutputs build(flame::Program &program,
                                const flame::OptimizerInputs &in) override {
    flame::Value gradient = in.gradient;
    if (options_.weight_decay != 0) gradient = gradient + options_.weight_decay * in.parameter;
    if (options_.momentum == 0) return {in.parameter - in.learning_rate * gradient, {}};
    const flame::Value kept = new_momentum(program, in, gradient);
    const flame::Value direction = options_.nesterov ? gradient + options_.momentum * kept : kept;
    return {in.parameter - in.learning_rate * direction, {kept}};
  }

 private:
  flame::Value new_momentum(flame::Program &program, const flame::OptimizerInputs &in,
                            const flame::Value &gradient) const {
    if (options_.dampening == 0) return options_.momentum * in.states[0] + gradient;
    const flame::Value later =
        options_.momentum * in.states[0] + (1 - options_.dampening) * gradient;
    // The first direction is the gradient itself, undampened.
    const flame::Value first = flame::op("eq", {in.step, program.constant(1, FLAME_DTYPE_I64)});
    return flame::op("where", {first, gradient, later});
  }

  Options options_;
};

}  // namespace

FLAME_PLUGIN(plugin) {
  plugin.id("org.flamehost.sgd").version("0.1.0").vendor("The flamehost authors");
  plugin.license("Apache-2.0").summary("Stochastic gradient descent with momentum.");
  plugin.add<Sgd>("sgd", "Stochastic gradient descent, with momentum if wanted.");
}
