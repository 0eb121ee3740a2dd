// DPM-Solver++ of second order over two steps.
#include "plugins/samplers/dpmpp_2m/second_order.h"

namespace {

class Dpmpp2m : public flame::Sampler {
 public:
  using Options = samplers::NoiseOptions;
  explicit Dpmpp2m(const Options &options) : options_(options) {}

  flame::NoisePoints levels(uint32_t steps, const flame::NoiseLevels &trained) override {
    return samplers::noise_points(options_, samplers::kMultistepHabits, steps, trained);
  }
  uint32_t memory_count() const noexcept override { return 1; }

  flame::SamplerOutputs build(flame::Program &program, const flame::SamplerInputs &in) override {
    const flame::Value estimate = in.denoised + samplers::change_to_middle(program, in);
    const flame::Value kept = in.next_sigma / in.sigma;
    return {kept * in.sample + (1.0 - kept) * estimate, {in.denoised}};
  }

 private:
  Options options_;
};

}  // namespace

FLAME_PLUGIN(plugin) {
  plugin.id("org.flamehost.dpmpp-2m").version("0.1.0").vendor("The flamehost authors");
  plugin.license("Apache-2.0").summary("DPM-Solver++ of second order.");
  plugin.add<Dpmpp2m>("dpmpp_2m",
                      "DPM++ 2M: second order; good pictures in 20 steps, mostly with "
                      "sigmas: karras.");
}
