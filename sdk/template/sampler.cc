// A sampler: Euler's method.
//
// A sampler chooses the noise levels and describes one step as a program.
#include <cmath>

#include "flame/plugin.hpp"

namespace {

class Euler : public flame::Sampler {
 public:
  struct Options {
    std::string spacing = "power";
    double rho = 7.0;

    void describe(flame::OptionTable &table) {
      table.choice("spacing", spacing, {"power", "linear"},
                   "How the noise levels lie between the highest and the lowest.");
      table.number("rho", rho, "The power of the spacing; more puts more steps at low noise.")
          .above(0)
          .maximum(100);
    }
  };

  explicit Euler(const Options &options) : rho_(options.spacing == "linear" ? 1.0 : options.rho) {}

  flame::NoisePoints levels(uint32_t steps, const flame::NoiseLevels &trained) override {
    if (steps == 0) throw flame::invalid_argument("a picture needs at least 1 step");
    const double first = std::pow(trained.highest(), 1 / rho_);
    const double last = std::pow(trained.lowest(), 1 / rho_);
    flame::NoisePoints points;
    for (uint32_t i = 0; i < steps; ++i) {
      const double part = steps == 1 ? 0.0 : i / (steps - 1.0);
      points.sigmas.push_back(i == 0 ? trained.highest()
                                     : std::pow(first + part * (last - first), rho_));
      points.times.push_back(trained.time_of(points.sigmas.back()));
    }
    points.sigmas.push_back(0.0);
    return points;
  }

  flame::SamplerOutputs build(flame::Program &, const flame::SamplerInputs &in) override {
    const flame::Value slope = (in.sample - in.denoised) / in.sigma;
    return {in.sample + slope * (in.next_sigma - in.sigma), {}};
  }

 private:
  double rho_;
};

}  // namespace

FLAME_PLUGIN(plugin) {
  plugin.id("org.example.sampler").version("0.1.0").vendor("Example").license("Apache-2.0");
  plugin.summary("Euler's method.");
  plugin.add<Euler>("example-euler", "Euler's method, deterministic.");
}
