#include "core/train/noise_levels.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>

#include "core/train/random_streams.h"
#include "flame/philox.hpp"

namespace flame {
namespace {

// Debiased weights would grow without bound where there is next to no noise.
constexpr double kLargestSnr = 1000;

std::vector<NoiseMix> mixes_of(std::span<const double> sigmas) {
  std::vector<NoiseMix> mixes;
  for (const double sigma : sigmas) {
    const double length = std::sqrt(sigma * sigma + 1);
    mixes.push_back({1 / length, sigma / length});
  }
  return mixes;
}

// Shifts and stretches the signal so that none is left at the end; the first level stays.
void end_in_noise(std::vector<NoiseMix> &mixes) {
  const double first = mixes.front().signal, last = mixes.back().signal;
  for (NoiseMix &mix : mixes) {
    mix.signal = (mix.signal - last) * first / (first - last);
    mix.noise = std::sqrt(1 - mix.signal * mix.signal);
  }
}

double weight_of(const NoiseMix &mix, bool velocity, const NoiseLevelSettings &settings) {
  const double snr = mix.signal * mix.signal / (mix.noise * mix.noise);
  switch (settings.weighting) {
    case LossWeighting::kEven:
      return 1;
    case LossWeighting::kMinSnr:
      if (velocity) return std::min(snr, settings.gamma) / (snr + 1);
      // Without a signal the quotient's limit is 1, as for every ratio below gamma.
      return snr <= settings.gamma ? 1 : settings.gamma / snr;
    case LossWeighting::kDebiased: {
      const double bounded = std::min(snr, kLargestSnr);
      return velocity ? 1 / (bounded + 1) : 1 / std::sqrt(bounded);
    }
  }
  return 1;
}

}  // namespace

Result<NoiseLevels> NoiseLevels::make(std::span<const double> sigmas, bool velocity,
                                      const NoiseLevelSettings &settings) {
  NoiseLevels levels;
  levels.settings_ = settings;
  levels.mixes_ = mixes_of(sigmas);
  if (settings.zero_terminal) {
    if (!velocity) {
      return config_error(
          "train.noise.zero_terminal_snr leaves nothing of the picture at the last time, where a "
          "model that predicts noise has nothing to learn",
          "set it for models that predict v (model.prediction_type: v_prediction)");
    }
    end_in_noise(levels.mixes_);
  }
  for (const NoiseMix &mix : levels.mixes_)
    levels.weights_.push_back(weight_of(mix, velocity, settings));
  const auto count = static_cast<double>(levels.mixes_.size());
  levels.first_ = static_cast<int64_t>(std::floor(settings.first * count));
  levels.last_ = static_cast<int64_t>(std::ceil(settings.last * count));
  if (levels.first_ >= levels.last_) {
    return config_error(fmt::format("train.noise.range from {} to {} holds none of the {} times",
                                    settings.first, settings.last, levels.mixes_.size()),
                        "give two numbers from 0 to 1, the smaller first, such as [0, 1]");
  }
  return levels;
}

int64_t NoiseLevels::draw(uint64_t seed, int64_t micro_batch, int64_t row) const {
  const PhiloxWords words = random_words(static_cast<int64_t>(seed), micro_batch, kTimeStream,
                                         static_cast<uint64_t>(row));
  double part = uniform_of(words[0]);
  if (settings_.distribution == TimeDistribution::kLogitNormal) {
    const double x = settings_.mean + settings_.deviation * normal_pair(words[0], words[1])[0];
    part = 1 / (1 + std::exp(-x));
  }
  const auto offset = static_cast<int64_t>(part * static_cast<double>(last_ - first_));
  return first_ + std::min(offset, last_ - first_ - 1);
}

}  // namespace flame
