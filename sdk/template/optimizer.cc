// An optimizer: stochastic gradient descent with momentum.
//
// An optimizer touches no device. It describes one step as a program over flat buffers, and the
// host runs that on whatever backend the user chose.
#include "flame/plugin.hpp"

namespace {

class Sgd : public flame::Optimizer {
 public:
  // The options of the pipeline file. This one function makes the descriptor (help, schema, checks)
  // and fills the members; their first values are the defaults.
  struct Options {
    double momentum = 0.9;
    double weight_decay = 0.0;
    bool nesterov = false;

    void describe(flame::OptionTable &table) {
      table.number("momentum", momentum, "How much of the last step is kept.").range(0, 1);
      table.number("weight_decay", weight_decay, "Pulls parameters towards zero.")
          .minimum(0)
          .alias("wd");
      table.flag("nesterov", nesterov, "Looks one step ahead, as Nesterov proposed.");
    }
  };

  explicit Sgd(const Options &options) : options_(options) {}

  std::vector<flame::OptimizerState> states() const override { return {{"velocity"}}; }

  flame::OptimizerOutputs build(flame::Program &, const flame::OptimizerInputs &in) override {
    flame::Value gradient = in.gradient;
    if (options_.weight_decay != 0) gradient = gradient + options_.weight_decay * in.parameter;
    const flame::Value velocity = options_.momentum * in.states[0] + gradient;
    const flame::Value direction =
        options_.nesterov ? gradient + options_.momentum * velocity : velocity;
    return {in.parameter - in.learning_rate * direction, {velocity}};
  }

 private:
  Options options_;
};

}  // namespace

FLAME_PLUGIN(plugin) {
  plugin.id("org.example.optimizer").version("0.1.0").vendor("Example").license("Apache-2.0");
  plugin.summary("Stochastic gradient descent.");
  plugin.add<Sgd>("example-sgd", "Stochastic gradient descent with momentum.");
}
