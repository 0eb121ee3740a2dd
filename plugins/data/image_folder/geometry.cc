#include "plugins/data/image_folder/geometry.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <utility>

#include "flame/philox.hpp"

namespace image_folder {
namespace {

// Philox numbers of no other use.
constexpr uint32_t kCropStream = 0x63726f70;

using Size = std::pair<int, int>;  // width, height

int down_to_step(double size, int step) {
  return static_cast<int>(size) / step * step;
}

// Every width in steps with the largest height that keeps the area, and each also upright.
std::set<Size> buckets_of(const BucketRule &rule) {
  const int64_t area = int64_t{rule.resolution} * rule.resolution;
  std::set<Size> buckets;
  const int square = down_to_step(rule.resolution, rule.step);
  if (square > 0) buckets.insert({square, square});
  const int first = (rule.least + rule.step - 1) / rule.step * rule.step;
  for (int width = first; width <= rule.most; width += rule.step) {
    const int height = static_cast<int>(
        std::min<int64_t>(rule.most / rule.step * rule.step, area / width / rule.step * rule.step));
    if (height < rule.least || height == 0) continue;
    buckets.insert({width, height});
    buckets.insert({height, width});
  }
  return buckets;
}

// The bucket of the nearest aspect; the picture covers it, smaller or larger.
std::optional<Placement> place_in_list(int width, int height, const BucketRule &rule) {
  const std::set<Size> buckets = buckets_of(rule);
  if (buckets.empty()) return std::nullopt;
  const double aspect = static_cast<double>(width) / height;
  Size best = *buckets.begin();
  double best_error = INFINITY;
  for (const Size &bucket : buckets) {
    const double error = std::abs(static_cast<double>(bucket.first) / bucket.second - aspect);
    if (error < best_error) best = bucket, best_error = error;
  }
  if (buckets.count({width, height})) best = {width, height};
  const double scale =
      std::max(static_cast<double>(best.first) / width, static_cast<double>(best.second) / height);
  Placement out{width, height, 0, 0, best.first, best.second};
  out.resized_width = std::max(static_cast<int>(width * scale + 0.5), best.first);
  out.resized_height = std::max(static_cast<int>(height * scale + 0.5), best.second);
  return out;
}

// The size of a picture that has too many pixels: one of its sides becomes a multiple of the step,
// the one with which the aspect changes less.
Size shrunk(int width, int height, const BucketRule &rule) {
  const double aspect = static_cast<double>(width) / height;
  const double area = static_cast<double>(rule.resolution) * rule.resolution;
  const double ideal_width = std::sqrt(area * aspect);
  const auto rounded = [&](double size) { return down_to_step(size + 0.5, rule.step); };
  const int by_width = rounded(ideal_width);
  const int its_height = rounded(by_width / aspect);
  const int by_height = rounded(area / ideal_width);
  const int its_width = rounded(by_height * aspect);
  const auto error = [&](int w, int h) {
    return h > 0 && w > 0 ? std::abs(static_cast<double>(w) / h - aspect) : INFINITY;
  };
  if (error(by_width, its_height) < error(its_width, by_height))
    return {by_width, static_cast<int>(by_width / aspect + 0.5)};
  return {static_cast<int>(by_height * aspect + 0.5), by_height};
}

}  // namespace

double Placement::lost() const {
  return 1.0 - static_cast<double>(bucket_width) * bucket_height /
                   (static_cast<double>(resized_width) * resized_height);
}

std::optional<Placement> place(int width, int height, const BucketRule &rule) {
  if (rule.upscale) return place_in_list(width, height, rule);
  const bool too_large = int64_t{width} * height > int64_t{rule.resolution} * rule.resolution;
  const auto [resized_width, resized_height] =
      too_large ? shrunk(width, height, rule) : Size{width, height};
  Placement out{width, height, resized_width, resized_height, 0, 0};
  out.bucket_width = down_to_step(std::min(resized_width, rule.most), rule.step);
  out.bucket_height = down_to_step(std::min(resized_height, rule.most), rule.step);
  if (out.bucket_width == 0 || out.bucket_height == 0) return std::nullopt;
  return out;
}

Corner middle_corner(const Placement &placement) {
  return {(placement.resized_width - placement.bucket_width) / 2,
          (placement.resized_height - placement.bucket_height) / 2};
}

Corner random_corner(const Placement &placement, uint64_t key, uint64_t number) {
  const flame::PhiloxWords words =
      flame::random_words(static_cast<int64_t>(key), static_cast<int64_t>(number), kCropStream, 0);
  const auto below = [](uint32_t word, int bound) {
    return static_cast<int>(uint64_t{word} * static_cast<uint64_t>(bound) >> 32);
  };
  return {below(words[0], placement.resized_width - placement.bucket_width + 1),
          below(words[1], placement.resized_height - placement.bucket_height + 1)};
}

}  // namespace image_folder
