// Prodigy, step for step as prodigyopt: AdamW that finds the size of its steps by itself.
#include "plugins/optimizers/adam/moments.h"

namespace {

// All values of one group in one step.
struct GroupStep {
  const flame::OptimizerInputs &in;
  flame::Value gradient, mean, mean_square, distance;
};

enum State {
  kMean,
  kMeanSquare,
  kDistance,  // a weighted sum of the gradients
  kStart,     // the parameters of the first step
  kSize,      // the estimate d, and the three numbers that it grows from
  kLargest,
  kNumerator
};

class Prodigy : public flame::Optimizer {
 public:
  struct Options : adam::Options {
    double weight_decay = 0;
    double beta3 = 0;
    double d0 = 1e-6;
    double d_coef = 1;
    double growth_rate = 0;
    bool decouple = true;
    bool use_bias_correction = false;
    bool safeguard_warmup = false;

    void describe(flame::OptionTable &table) {
      adam::Options::describe(table);
      table
          .number("weight_decay", weight_decay,
                  "Pulls parameters towards zero: a step takes off this much of them times its "
                  "size.")
          .minimum(0)
          .alias("wd");
      table
          .number("beta3", beta3,
                  "How much of what the step size is estimated from is kept; 0 is the root of the "
                  "second beta.")
          .range(0, 1);
      table.number("d0", d0, "The size that the estimate begins with.").above(0);
      table
          .number(
              "d_coef", d_coef,
              "A factor of the estimate; from 0.5 to 2, the way to make steps larger or smaller.")
          .above(0);
      table
          .number("growth_rate", growth_rate,
                  "How many times larger the estimate may become in one step; 0 is without limit.")
          .minimum(0);
      table.flag("decouple", decouple,
                 "Takes weight decay off the parameters, and does not add it to the gradient.");
      table.flag("use_bias_correction", use_bias_correction,
                 "Makes the first steps as large as Adam does.");
      table.flag("safeguard_warmup", safeguard_warmup,
                 "Leaves the learning rate out of the estimate's divisor, for a long warm-up.");
    }
  };

  explicit Prodigy(const Options &options) : options_(options) {
    options.check();
    if (options.growth_rate == 0 || options.growth_rate >= 1) return;
    throw flame::invalid_argument("growth_rate is ", options.growth_rate,
                                  ", with which the estimate shrinks; expected 1 or more, such as "
                                  "1.02, or 0 for no limit");
  }

  std::vector<flame::OptimizerState> states() const override {
    using flame::StateExtent;
    return {{"mean"},
            {"mean_square"},
            {"distance"},
            {"start"},
            {"size", options_.d0, 0, StateExtent::kShared},
            {"largest", options_.d0, 0, StateExtent::kShared},
            {"numerator", 0, 0, StateExtent::kShared}};
  }

  flame::OptimizerOutputs build(flame::Program &program,
                                const flame::OptimizerInputs &in) override {
    return build_groups(program, {in}).front();
  }

  // The estimate is made over all groups, each with its own learning rate; prodigyopt wants the
  // rates to be equal, or 0.
  std::vector<flame::OptimizerOutputs> build_groups(
      flame::Program &program, const std::vector<flame::OptimizerInputs> &groups) override {
    const flame::Value correction = bias_correction(program, groups[0]);
    const flame::Value size = groups[0].states[kSize];
    std::vector<GroupStep> steps;
    flame::Value numerator, divisor;
    for (const flame::OptimizerInputs &in : groups) {
      steps.push_back(follow(program, in, size * in.learning_rate * correction));
      const flame::Value travelled =
          size / options_.d0 * (size * in.learning_rate * correction) *
          flame::sum(steps.back().gradient * (start(program, in) - in.parameter), {0});
      const flame::Value none = program.constant(0, size.dtype());
      const flame::Value weight =
          flame::op("where", {flame::op("gt", {in.learning_rate, none}),
                              flame::sum(flame::abs(steps.back().distance), {0}), none});
      numerator = numerator ? numerator + travelled : travelled;
      divisor = divisor ? divisor + weight : weight;
    }
    return finish(program, steps, correction, numerator, divisor);
  }

 private:
  double beta3() const {
    return options_.beta3 != 0 ? options_.beta3 : std::sqrt(options_.betas[1]);
  }

  flame::Value bias_correction(flame::Program &program, const flame::OptimizerInputs &in) const {
    const flame_dtype dtype = in.parameter.dtype();
    if (!options_.use_bias_correction) return program.constant(1, dtype);
    const flame::Value step = flame::cast(in.step, FLAME_DTYPE_F64);
    const auto rest = [&](double beta) {
      return 1.0 - flame::op("pow", {program.constant(beta, FLAME_DTYPE_F64), step});
    };
    return flame::cast(flame::sqrt(rest(options_.betas[1])) / rest(options_.betas[0]), dtype);
  }

  static flame::Value first_step(flame::Program &program, const flame::OptimizerInputs &in) {
    return flame::op("eq", {in.step, program.constant(1, FLAME_DTYPE_I64)});
  }
  static flame::Value start(flame::Program &program, const flame::OptimizerInputs &in) {
    return flame::op("where", {first_step(program, in), in.parameter, in.states[kStart]});
  }

  // The moments and the distance of a group after this gradient; `rate` is the step's size. A group
  // whose rate is 0 rests.
  GroupStep follow(flame::Program &program, const flame::OptimizerInputs &in,
                   const flame::Value &rate) const {
    flame::Value gradient = in.gradient;
    if (options_.weight_decay != 0 && !options_.decouple) {
      gradient = gradient + options_.weight_decay * in.parameter;
    }
    const flame::Value size = in.states[kSize];
    const double beta = options_.betas[0], beta_square = options_.betas[1];
    const flame::Value moves =
        flame::op("gt", {in.learning_rate, program.constant(0, in.learning_rate.dtype())});
    const auto moved = [&](const flame::Value &value, State old) {
      return flame::op("where", {moves, value, in.states[old]});
    };
    const flame::Value weight = size / options_.d0 * (options_.safeguard_warmup ? size : rate);
    return {in, gradient, moved(beta * in.states[kMean] + size * (1 - beta) * gradient, kMean),
            moved(beta_square * in.states[kMeanSquare] +
                      size * size * (1 - beta_square) * flame::square(gradient),
                  kMeanSquare),
            moved(beta3() * in.states[kDistance] + weight * gradient, kDistance)};
  }

  std::vector<flame::OptimizerOutputs> finish(flame::Program &program,
                                              const std::vector<GroupStep> &steps,
                                              const flame::Value &correction,
                                              const flame::Value &travelled,
                                              const flame::Value &divisor) const {
    const flame::OptimizerInputs &first = steps[0].in;
    const flame::Value size = first.states[kSize];
    const flame::Value zero = program.constant(0, size.dtype());
    // Without any gradient so far, nothing changes.
    const flame::Value begun = flame::op("gt", {divisor, zero});
    const flame::Value numerator = beta3() * first.states[kNumerator] + travelled;
    const flame::Value found = options_.d_coef * numerator / divisor;
    const flame::Value start_size = program.constant(options_.d0, size.dtype());
    const flame::Value grown =
        flame::op("where", {flame::op("eq", {size, start_size}), flame::max(size, found), size});
    const flame::Value largest = flame::max(first.states[kLargest], found);
    const flame::Value next =
        options_.growth_rate == 0 ? largest : flame::min(largest, options_.growth_rate * grown);
    const auto kept = [&](const flame::Value &value, const flame::Value &old) {
      return flame::op("where", {begun, value, old});
    };
    const flame::Value new_size = kept(next, size);
    const flame::Value new_largest = kept(largest, first.states[kLargest]);
    const flame::Value new_numerator = kept(numerator, first.states[kNumerator]);
    std::vector<flame::OptimizerOutputs> outputs;
    for (const GroupStep &step : steps) {
      const flame::OptimizerInputs &in = step.in;
      const flame::Value rate = size * in.learning_rate * correction;
      flame::Value parameter = in.parameter;
      if (options_.weight_decay != 0 && options_.decouple) {
        parameter = parameter * (1.0 - options_.weight_decay * rate);
      }
      const flame::Value root = flame::sqrt(step.mean_square) + options_.eps * new_size;
      outputs.push_back(
          {kept(parameter - rate * (step.mean / root), in.parameter),
           {kept(step.mean, in.states[kMean]), kept(step.mean_square, in.states[kMeanSquare]),
            kept(step.distance, in.states[kDistance]), start(program, in), new_size, new_largest,
            new_numerator}});
    }
    return outputs;
  }

  Options options_;
};

}  // namespace

FLAME_PLUGIN(plugin) {
  plugin.id("org.flamehost.prodigy").version("0.1.0").vendor("The flamehost authors");
  plugin.license("Apache-2.0").summary("AdamW that finds the size of its steps by itself.");
  plugin.add<Prodigy>("prodigy",
                      "AdamW that finds the size of its steps by itself; its learning rate is 1.");
}
