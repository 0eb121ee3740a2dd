// Sampling of latent consistency models: each step goes to the clean latent, then fresh noise is
// added.
#include "plugins/samplers/noise_points.h"

namespace {

// The boundary of the consistency function: its time is scaled by 10, its data have deviation 1/2.
constexpr double kTimeScale = 10.0;
constexpr double kDeviation = 0.5;

class Lcm : public flame::Sampler {
 public:
  struct Options {
    int64_t original_steps = 50;

    void describe(flame::OptionTable &table) {
      table
          .integer("original_steps", original_steps,
                   "How many times the model was distilled at; the steps are some of these.")
          .range(1, 1000)
          .unit("steps");
    }
  };
  explicit Lcm(const Options &options) : original_(static_cast<uint32_t>(options.original_steps)) {}

  flame::NoisePoints levels(uint32_t steps, const flame::NoiseLevels &trained) override {
    if (steps == 0) throw flame::invalid_argument("a picture needs at least 1 step");
    if (steps > original_ || original_ > trained.count()) {
      throw flame::invalid_argument("lcm takes its steps from ", original_, " of the model's ",
                                    trained.count(), " times, so ", steps,
                                    " steps are too many: ask for fewer, or raise original_steps");
    }
    const double stride = std::floor(static_cast<double>(trained.count()) / original_);
    flame::NoisePoints points;
    for (uint32_t i = 0; i < steps; ++i) {
      const double skipped = std::floor(i * (static_cast<double>(original_) / steps));
      points.times.push_back((original_ - skipped) * stride - 1);
      points.sigmas.push_back(trained.sigma_at(points.times.back()));
    }
    points.sigmas.push_back(0.0);
    return points;
  }
  bool uses_noise() const noexcept override { return true; }

  flame::SamplerOutputs build(flame::Program &, const flame::SamplerInputs &in) override {
    const flame::Value time = square(kTimeScale * in.time);
    const flame::Value whole = time + kDeviation * kDeviation;
    const flame::Value unit_sample = in.sample / sqrt(square(in.sigma) + 1.0);
    const flame::Value clean =
        in.denoised * sqrt(time / whole) + unit_sample * (kDeviation * kDeviation / whole);
    return {clean + in.noise * in.next_sigma, {}};
  }

 private:
  uint32_t original_;
};

}  // namespace

FLAME_PLUGIN(plugin) {
  plugin.id("org.flamehost.lcm").version("0.1.0").vendor("The flamehost authors");
  plugin.license("Apache-2.0").summary("Sampling of latent consistency models.");
  plugin.add<Lcm>("lcm", "For models and LoRAs of the LCM kind: pictures in 2 to 8 steps.");
}
