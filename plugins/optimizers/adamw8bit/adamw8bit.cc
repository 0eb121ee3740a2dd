// AdamW with moments of 8 bits, as bitsandbytes' AdamW8bit, but for the blocks: they lie in the flat
// buffer of a group, not in each tensor.
#include "plugins/optimizers/adam/moments.h"
#include "plugins/optimizers/adamw8bit/quantized_moment.h"

namespace {

using adamw8bit::QuantizedMoment;

enum State {
  kMean,
  kMeanLargest,
  kMeanSquare,
  kMeanSquareLargest
};

class AdamW8bit : public flame::Optimizer {
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

  explicit AdamW8bit(const Options &options) : options_(options) { options.check(); }

  std::vector<flame::OptimizerState> states() const override {
    using flame::StateExtent;
    return {{"mean", mean_.zero_code(), FLAME_DTYPE_U8},
            {"mean_largest", 0, FLAME_DTYPE_F32, StateExtent::kSized},
            {"mean_square", mean_square_.zero_code(), FLAME_DTYPE_U8},
            {"mean_square_largest", 0, FLAME_DTYPE_F32, StateExtent::kSized}};
  }
  int64_t state_size(size_t, const flame::OptimizerGroup &group) const override {
    return group.size / adamw8bit::kBlock;
  }

  flame::OptimizerOutputs build(flame::Program &program,
                                const flame::OptimizerInputs &in) override {
    const flame_dtype dtype = in.parameter.dtype();
    flame::OptimizerInputs wide = in;
    wide.states = {
        mean_.decode(program, in.states[kMean], in.states[kMeanLargest], dtype),
        mean_square_.decode(program, in.states[kMeanSquare], in.states[kMeanSquareLargest], dtype)};
    flame::Value parameter = in.parameter;
    if (options_.weight_decay != 0) {
      parameter = parameter * (1.0 - options_.weight_decay * in.learning_rate);
    }
    const flame::OptimizerOutputs made =
        adam::step(program, options_, wide, parameter, in.gradient);
    const QuantizedMoment::Encoded mean = mean_.encode(program, made.states[0]);
    const QuantizedMoment::Encoded mean_square = mean_square_.encode(program, made.states[1]);
    return {made.parameter, {mean.codes, mean.largest, mean_square.codes, mean_square.largest}};
  }

 private:
  Options options_;
  QuantizedMoment mean_ = QuantizedMoment(true);
  QuantizedMoment mean_square_ = QuantizedMoment(false);
};

}  // namespace

FLAME_PLUGIN(plugin) {
  plugin.id("org.flamehost.adamw8bit").version("0.1.0").vendor("The flamehost authors");
  plugin.license("Apache-2.0").summary("AdamW with moments of 8 bits.");
  plugin.add<AdamW8bit>("adamw8bit", "AdamW with moments of 8 bits: a quarter of the memory.");
}
