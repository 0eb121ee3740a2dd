// DDIM: to the clean latent and back to the next level along the same noise, `eta` of it fresh.
#include "plugins/samplers/noise_points.h"

namespace {

class Ddim : public flame::Sampler {
 public:
  struct Options : samplers::NoiseOptions {
    double eta = 0.0;

    Options() { final = samplers::Final::kLowest; }
    void describe(flame::OptionTable &table) {
      samplers::NoiseOptions::describe(table);
      table.number("eta", eta, "How much of each step's noise is fresh: 0 is none, 1 is DDPM.")
          .range(0, 1);
    }
  };
  explicit Ddim(const Options &options) : options_(options) {}

  flame::NoisePoints levels(uint32_t steps, const flame::NoiseLevels &trained) override {
    return samplers::noise_points(options_, {}, steps, trained);
  }
  bool uses_noise() const noexcept override { return options_.eta > 0; }

  flame::SamplerOutputs build(flame::Program &, const flame::SamplerInputs &in) override {
    const flame::Value direction = (in.sample - in.denoised) / in.sigma;
    if (options_.eta == 0) return {in.denoised + direction * in.next_sigma, {}};
    const samplers::NoiseSplit noise = samplers::split_noise(in, options_.eta);
    return {in.denoised + direction * noise.kept + in.noise * noise.fresh, {}};
  }

 private:
  Options options_;
};

}  // namespace

FLAME_PLUGIN(plugin) {
  plugin.id("org.flamehost.ddim").version("0.1.0").vendor("The flamehost authors");
  plugin.license("Apache-2.0").summary("Denoising diffusion implicit models.");
  plugin.add<Ddim>("ddim", "DDIM, with as much fresh noise as wanted.");
}
