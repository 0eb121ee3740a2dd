// A sampler whose noise levels rise.
#include "flame/plugin.hpp"

namespace {

class Rising : public flame::Sampler {
 public:
  std::vector<double> levels(uint32_t steps, double, double maximum) override {
    std::vector<double> out;
    for (uint32_t i = 0; i <= steps; ++i) out.push_back(maximum * i / steps);
    return out;
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
