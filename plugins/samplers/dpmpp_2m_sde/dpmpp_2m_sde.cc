// DPM-Solver++ of second order over two steps, for the stochastic equation.
#include "plugins/samplers/dpmpp_2m/second_order.h"

namespace {

class Dpmpp2mSde : public flame::Sampler {
 public:
  using Options = samplers::NoiseOptions;
  explicit Dpmpp2mSde(const Options &options) : options_(options) {}

  flame::NoisePoints levels(uint32_t steps, const flame::NoiseLevels &trained) override {
    return samplers::noise_points(options_, samplers::kMultistepHabits, steps, trained);
  }
  uint32_t memory_count() const noexcept override { return 1; }
  bool uses_noise() const noexcept override { return true; }

  flame::SamplerOutputs build(flame::Program &program, const flame::SamplerInputs &in) override {
    const flame::Value estimate = in.denoised + samplers::change_to_middle(program, in);
    const flame::Value kept = square(in.next_sigma / in.sigma);
    const flame::Value fresh = in.next_sigma * sqrt(1.0 - kept);
    return {kept * in.sample + (1.0 - kept) * estimate + fresh * in.noise, {in.denoised}};
  }

 private:
  Options options_;
};

}  // namespace

FLAME_PLUGIN(plugin) {
  plugin.id("org.flamehost.dpmpp-2m-sde").version("0.1.0").vendor("The flamehost authors");
  plugin.license("Apache-2.0").summary("DPM-Solver++ of second order with fresh noise.");
  plugin.add<Dpmpp2mSde>("dpmpp_2m_sde",
                         "DPM++ 2M SDE: second order, with fresh noise in each "
                         "step.");
}
