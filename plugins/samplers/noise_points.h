// Which noise levels a sampler visits: the options that most samplers share, with the numbers of
// diffusers' schedulers.
#pragma once

#include <cmath>
#include <vector>

#include "flame/plugin.hpp"

namespace samplers {

enum class Spacing {
  kLeading,
  kTrailing,
  kLinspace
};
enum class Sigmas {
  kModel,
  kKarras,
  kExponential
};
enum class Final {
  kZero,
  kLowest
};

struct NoiseOptions {
  Spacing spacing = Spacing::kLeading;
  int64_t steps_offset = 1;
  Sigmas sigmas = Sigmas::kModel;
  double rho = 7.0;
  Final final = Final::kZero;

  void describe(flame::OptionTable &table) {
    table.choice("spacing", spacing,
                 {{"leading", Spacing::kLeading},
                  {"trailing", Spacing::kTrailing},
                  {"linspace", Spacing::kLinspace}},
                 "Which trained times the steps take: equal parts counted from the clean end "
                 "(leading), from the noisy one (trailing), or both ends and what lies between.");
    table
        .integer("steps_offset", steps_offset,
                 "Of leading: this much is added to every time; 1 for Stable Diffusion.")
        .range(0, 1);
    table.choice("sigmas", sigmas,
                 {{"model", Sigmas::kModel},
                  {"karras", Sigmas::kKarras},
                  {"exponential", Sigmas::kExponential}},
                 "The noise levels between the first and the last: those of the times, or as "
                 "Karras et al. space them, or falling by one factor.");
    table.number("rho", rho, "Of karras: more puts more steps at low noise.").above(0).maximum(100);
    table.choice("final", final, {{"zero", Final::kZero}, {"lowest", Final::kLowest}},
                 "The level of the picture itself: no noise, or the lowest trained one.");
  }
};

// Where diffusers' schedulers differ from each other.
struct NoiseHabits {
  bool ends_before_the_last = false;  // spaces one point more, and leaves out the cleanest
  bool spans_all_levels =
      false;  // karras, exponential: from the highest trained level to the lowest
  bool asks_at_whole_times = false;  // nearest ones with karras, those below with exponential
};

inline std::vector<double> spaced_times(const NoiseOptions &options, NoiseHabits habits,
                                        uint32_t steps, size_t trained) {
  const auto count = static_cast<double>(trained);
  const uint32_t points = habits.ends_before_the_last ? steps + 1 : steps;
  const double stride = std::floor(count / points);
  std::vector<double> times;
  for (uint32_t i = 0; i < steps; ++i) {
    const double from_clean = points - 1.0 - i;
    double time = 0;
    switch (options.spacing) {
      case Spacing::kLeading:
        time = from_clean * stride + static_cast<double>(options.steps_offset);
        break;
      case Spacing::kTrailing:
        time = std::nearbyint(count - i * (count / steps)) - 1;
        break;
      case Spacing::kLinspace:
        time = points == 1 ? 0 : from_clean * (count - 1) / (points - 1.0);
        if (habits.ends_before_the_last) time = std::nearbyint(time);
        break;
    }
    times.push_back(time);
  }
  return times;
}

inline void respace(const NoiseOptions &options, std::vector<double> &sigmas, double highest,
                    double lowest) {
  const double power = options.sigmas == Sigmas::kKarras ? 1 / options.rho : 0;
  const auto bent = [&](double sigma) { return power ? std::pow(sigma, power) : std::log(sigma); };
  const double first = bent(highest), last = bent(lowest);
  for (size_t i = 0; i < sigmas.size(); ++i) {
    const double part =
        sigmas.size() == 1 ? 0 : static_cast<double>(i) / static_cast<double>(sigmas.size() - 1);
    const double at = first + part * (last - first);
    sigmas[i] = power ? std::pow(at, options.rho) : std::exp(at);
  }
}

inline void check_falling(const std::vector<double> &sigmas, const flame::NoiseLevels &trained) {
  const size_t steps = sigmas.size() - 1;
  for (size_t i = 0; i < steps; ++i) {
    if (sigmas[i] > sigmas[i + 1]) continue;
    if (i + 1 == steps && steps < trained.count()) {
      throw flame::invalid_argument(
          "the last step begins at the lowest level, so that it cannot end there: choose final: "
          "zero, or spacing: leading");
    }
    throw flame::invalid_argument(steps, " steps are too many for a model of ", trained.count(),
                                  " noise levels: two of them fall on one level; take fewer steps, "
                                  "or another spacing");
  }
}

inline flame::NoisePoints noise_points(const NoiseOptions &options, NoiseHabits habits,
                                       uint32_t steps, const flame::NoiseLevels &trained) {
  if (steps == 0) throw flame::invalid_argument("a picture needs at least 1 step");
  flame::NoisePoints points;
  points.times = spaced_times(options, habits, steps, trained.count());
  for (const double time : points.times) points.sigmas.push_back(trained.sigma_at(time));
  if (options.sigmas != Sigmas::kModel) {
    const bool all = habits.spans_all_levels;
    respace(options, points.sigmas, all ? trained.highest() : points.sigmas.front(),
            all ? trained.lowest() : points.sigmas.back());
    for (uint32_t i = 0; i < steps; ++i) {
      points.times[i] = trained.time_of(points.sigmas[i]);
      if (!habits.asks_at_whole_times) continue;
      points.times[i] = options.sigmas == Sigmas::kKarras ? std::nearbyint(points.times[i])
                                                          : std::floor(points.times[i]);
    }
  }
  points.sigmas.push_back(options.final == Final::kZero ? 0.0 : trained.lowest());
  check_falling(points.sigmas, trained);
  return points;
}

// a if the truth holds, else b.
inline flame::Value select(const flame::Value &truth, const flame::Value &a,
                           const flame::Value &b) {
  return flame::op("where", {truth, a, b});
}

// `a` > `b`, scalars of one type.
inline flame::Value above(flame::Program &program, const flame::Value &a, double b) {
  return flame::op("gt", {a, program.constant(b, a.dtype())});
}

// The part of the noise of the next level that is drawn anew where a step adds `eta` of it, and the
// level that is left of the old noise.
struct NoiseSplit {
  flame::Value fresh;
  flame::Value kept;
};
inline NoiseSplit split_noise(const flame::SamplerInputs &in, double eta) {
  const flame::Value next = square(in.next_sigma), now = square(in.sigma);
  const flame::Value fresh = eta * eta * next * (now - next) / now;
  return {sqrt(fresh), sqrt(next - fresh)};
}

}  // namespace samplers
