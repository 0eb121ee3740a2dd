// The times that a denoiser was trained at: how much of the picture and of the noise is in a sample,
// how much an example counts there, and which times a micro-batch gets. All of it on the host, in f64.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/base/result.h"

namespace flame {

// sample = signal · clean + noise · n, of variance 1.
struct NoiseMix {
  double signal = 1;
  double noise = 0;
};

// How losses at different noise levels are weighed.
enum class LossWeighting {
  kEven,
  kMinSnr,   // as if no level had a signal-to-noise ratio above gamma
  kDebiased  // by the noise's part of the error in the clean picture
};

// How often times are drawn.
enum class TimeDistribution {
  kUniform,
  kLogitNormal  // the sigmoid of a normal number, over the range
};

struct NoiseLevelSettings {
  // True: the levels are stretched so that nothing of the picture is left at the last.
  bool zero_terminal = false;
  LossWeighting weighting = LossWeighting::kEven;
  double gamma = 5;  // of kMinSnr
  TimeDistribution distribution = TimeDistribution::kUniform;
  double mean = 0, deviation = 1;  // of kLogitNormal
  double first = 0, last = 1;      // of the times: the part that is drawn from
};

class NoiseLevels {
 public:
  // `sigmas` rise; a level of the model stands for clean + σ · noise. `velocity` is what it predicts.
  // Errors (kBadConfig): a range without a time in it.
  static Result<NoiseLevels> make(std::span<const double> sigmas, bool velocity,
                                  const NoiseLevelSettings &settings);

  int64_t count() const { return static_cast<int64_t>(mixes_.size()); }
  const NoiseMix &at(int64_t time) const { return mixes_[static_cast<size_t>(time)]; }
  double weight(int64_t time) const { return weights_[static_cast<size_t>(time)]; }
  // The time of one row of a micro-batch: a function of its arguments alone.
  int64_t draw(uint64_t seed, int64_t micro_batch, int64_t row) const;

 private:
  std::vector<NoiseMix> mixes_;
  std::vector<double> weights_;
  NoiseLevelSettings settings_;
  int64_t first_ = 0, last_ = 0;  // times that are drawn, the latter excluded
};

}  // namespace flame
