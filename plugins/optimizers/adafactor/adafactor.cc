// Adafactor, step for step as the class of transformers: a second moment of rows and columns instead
// of one number for each element.
#include "plugins/optimizers/adafactor/runs.h"
#include "plugins/optimizers/adafactor/tensors.h"

namespace {

using adafactor::Run;
using adafactor::Tensors;
using flame::Value;

// Puts the tensors of one run together again, with the zeros between them: [count, stride].
class RunParts {
 public:
  RunParts(flame::Program &program, const Run &run, flame_dtype dtype)
      : program_(program),
        dtype_(dtype),
        count_(static_cast<int64_t>(run.count)),
        stride_(run.stride) {}

  void add(int64_t offset, int64_t size, const Tensors &made) {
    pad(offset, static_cast<bool>(made.mean));
    place_ = offset + size;
    parameters_.push_back(made.parameter);
    moments_.push_back(made.moment);
    if (made.mean) means_.push_back(made.mean);
  }
  // Flat. The mean is no value if none is kept.
  Tensors finish() {
    pad(stride_, !means_.empty());
    return {flat(parameters_), flat(moments_), means_.empty() ? Value() : flat(means_)};
  }

 private:
  void pad(int64_t offset, bool has_mean) {
    if (offset == place_) return;
    parameters_.push_back(program_.constant(0, dtype_, {count_, offset - place_}));
    if (has_mean) means_.push_back(parameters_.back());
  }
  static Value flat(const std::vector<Value> &parts) {
    const Value rows = adafactor::joined(parts, 1);
    return flame::reshape(rows, {adafactor::elements(rows.shape())});
  }

  flame::Program &program_;
  flame_dtype dtype_;
  int64_t count_, stride_, place_ = 0;
  std::vector<Value> parameters_, moments_, means_;
};

class Adafactor : public flame::Optimizer {
 public:
  using Options = adafactor::Options;

  explicit Adafactor(const Options &options) : options_(options) {
    if (options.eps.size() != 2) {
      throw flame::invalid_argument("eps has ", options.eps.size(),
                                    " numbers, expected two, such as [1e-30, 1e-3]");
    }
    if (options.warmup_init && !options.relative_step) {
      throw flame::invalid_argument(
          "warmup_init is on without relative_step: turn relative_step on too, or let the schedule "
          "warm up");
    }
  }

  std::vector<flame::OptimizerState> states() const override {
    std::vector<flame::OptimizerState> states = {{"mean_square", 0, 0, flame::StateExtent::kSized}};
    if (options_.beta1 != 0) states.push_back({"mean"});
    return states;
  }
  int64_t state_size(size_t, const flame::OptimizerGroup &group) const override {
    int64_t size = 0;
    for (const flame::OptimizerSlice &part : group.slices) {
      size += adafactor::moment_size(part.shape);
    }
    return size;
  }

  flame::OptimizerOutputs build(flame::Program &program,
                                const flame::OptimizerInputs &in) override {
    const adafactor::StepSize size = step_size(program, in);
    std::vector<Value> parameters, moments, means;
    int64_t end = 0, moment_start = 0;
    const auto pad = [&](int64_t start) {
      if (start == end) return;
      parameters.push_back(program.constant(0, in.parameter.dtype(), {start - end}));
      if (options_.beta1 != 0) means.push_back(parameters.back());
    };
    for (const Run &run : adafactor::find_runs(in.group)) {
      const int64_t start = in.group.slices[run.first].offset;
      pad(start);
      const Tensors made = step_run(program, in, size, run, moment_start);
      parameters.push_back(made.parameter);
      moments.push_back(made.moment);
      if (made.mean) means.push_back(made.mean);
      moment_start += made.moment.shape()[0];
      end = start + made.parameter.shape()[0];
    }
    pad(in.group.size);
    flame::OptimizerOutputs outputs = {adafactor::joined(parameters, 0),
                                       {adafactor::joined(moments, 0)}};
    if (!means.empty()) outputs.states.push_back(adafactor::joined(means, 0));
    return outputs;
  }

 private:
  adafactor::StepSize step_size(flame::Program &program, const flame::OptimizerInputs &in) const {
    const flame_dtype dtype = in.parameter.dtype();
    const Value step = flame::cast(in.step, FLAME_DTYPE_F64);
    const Value power = program.constant(options_.decay_rate, FLAME_DTYPE_F64);
    const Value kept = flame::cast(1.0 - flame::op("pow", {step, power}), dtype);
    if (!options_.relative_step) return {kept, in.learning_rate};
    const Value least =
        options_.warmup_init ? 1e-6 * step : program.constant(1e-2, FLAME_DTYPE_F64);
    return {kept, flame::cast(flame::min(least, flame::rsqrt(step)), dtype)};
  }

  Tensors step_run(flame::Program &program, const flame::OptimizerInputs &in,
                   const adafactor::StepSize &size, const Run &run, int64_t moment_start) const {
    const auto count = static_cast<int64_t>(run.count);
    const flame::OptimizerSlice *slices = &in.group.slices[run.first];
    int64_t moment_stride = 0;
    for (size_t i = 0; i < run.period; ++i) {
      moment_stride += adafactor::moment_size(slices[i].shape);
    }
    const auto rows_of = [&](const Value &flat, int64_t start, int64_t stride) {
      return flame::reshape(adafactor::slice(flat, 0, start, count * stride), {count, stride});
    };
    const int64_t start = slices[0].offset;
    const Value parameters = rows_of(in.parameter, start, run.stride);
    const Value gradients = rows_of(in.gradient, start, run.stride);
    const Value moments = rows_of(in.states[0], moment_start, moment_stride);
    const Value means = options_.beta1 != 0 ? rows_of(in.states[1], start, run.stride) : Value();
    RunParts parts(program, run, in.parameter.dtype());
    int64_t moment_place = 0;
    for (size_t i = 0; i < run.period; ++i) {
      const flame::Shape &shape = slices[i].shape;
      const int64_t elements = adafactor::elements(shape), offset = slices[i].offset - start;
      const auto tensors = [&](const Value &rows) {
        return flame::reshape(adafactor::slice(rows, 1, offset, elements),
                              adafactor::with_count(count, shape));
      };
      const int64_t moment_size = adafactor::moment_size(shape);
      const Tensors old = {tensors(parameters),
                           adafactor::slice(moments, 1, moment_place, moment_size),
                           means ? tensors(means) : Value()};
      parts.add(offset, elements, adafactor::step(options_, size, shape, old, tensors(gradients)));
      moment_place += moment_size;
    }
    return parts.finish();
  }

  Options options_;
};

}  // namespace

FLAME_PLUGIN(plugin) {
  plugin.id("org.flamehost.adafactor").version("0.1.0").vendor("The flamehost authors");
  plugin.license("Apache-2.0").summary("Adafactor: second moments of rows and columns.");
  plugin.add<Adafactor>("adafactor",
                        "Adafactor: second moments of rows and columns, little memory.");
}
