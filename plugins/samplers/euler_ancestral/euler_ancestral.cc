// Euler's method to a lower level, then fresh noise up to the level that was meant.
#include "plugins/samplers/noise_points.h"

namespace {

class EulerAncestral : public flame::Sampler {
 public:
  using Options = samplers::NoiseOptions;
  explicit EulerAncestral(const Options &options) : options_(options) {}

  flame::NoisePoints levels(uint32_t steps, const flame::NoiseLevels &trained) override {
    return samplers::noise_points(options_, {}, steps, trained);
  }
  bool uses_noise() const noexcept override { return true; }

  flame::SamplerOutputs build(flame::Program &, const flame::SamplerInputs &in) override {
    const samplers::NoiseSplit noise = samplers::split_noise(in, 1.0);
    const flame::Value slope = (in.sample - in.denoised) / in.sigma;
    return {in.sample + slope * (noise.kept - in.sigma) + in.noise * noise.fresh, {}};
  }

 private:
  Options options_;
};

}  // namespace

FLAME_PLUGIN(plugin) {
  plugin.id("org.flamehost.euler-ancestral").version("0.1.0").vendor("The flamehost authors");
  plugin.license("Apache-2.0").summary("Euler's method with fresh noise in each step.");
  plugin.add<EulerAncestral>("euler_ancestral", "Euler's method with fresh noise in each step.");
}
