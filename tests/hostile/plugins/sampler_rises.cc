// A sampler whose noise levels rise.
#include "flame/plugin.hpp"

namespace {

class Rising : public flame::Sampler {
 public:
  flame::NoisePoints levels(uint32_t steps, const flame::NoiseLevels &trained) override {
    flame::NoisePoints points;
    for (uint32_t i = 0; i <= steps; ++i) points.sigmas.push_back(trained.highest() * i / steps);
    points.times.assign(steps, 0.0);
    return points;
  }
  flame::SamplerOutputs build(flame::Program &, const flame::SamplerInputs &in) override {
    return {in.sample, {}};
  }
};

}  // namespace

FLAME_PLUGIN(plugin) {
  plugin.id("org.flamehost.test.rising").version("1.0.0").vendor("Test").license("Apache-2.0");
  plugin.summary("A sampler for tests.");
  plugin.add<Rising>("rising", "Noise levels that rise.");
}
