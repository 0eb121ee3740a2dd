// Euler's method: follows the slope at the start of the step.
#include "plugins/samplers/noise_points.h"

namespace {

class Euler : public flame::Sampler {
 public:
  using Options = samplers::NoiseOptions;
  explicit Euler(const Options &options) : options_(options) {}

  flame::NoisePoints levels(uint32_t steps, const flame::NoiseLevels &trained) override {
    return samplers::noise_points(options_, {}, steps, trained);
  }

  flame::SamplerOutputs build(flame::Program &, const flame::SamplerInputs &in) override {
    const flame::Value slope = (in.sample - in.denoised) / in.sigma;
    return {in.sample + slope * (in.next_sigma - in.sigma), {}};
  }

 private:
  Options options_;
};

}  // namespace

FLAME_PLUGIN(plugin) {
  plugin.id("org.flamehost.euler").version("0.1.0").vendor("The flamehost authors");
  plugin.license("Apache-2.0").summary("Euler's method for sampling.");
  plugin.add<Euler>("euler",
                    "Euler's method; the same picture for the same seed at any number of "
                    "steps, roughly.");
}
