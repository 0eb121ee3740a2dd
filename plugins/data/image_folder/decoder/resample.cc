#include "plugins/data/image_folder/decoder/resample.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace image_folder {
namespace {

constexpr double kLobes = 3;
constexpr double kPi = 3.14159265358979323846;

double sinc(double x) {
  return x == 0 ? 1 : std::sin(kPi * x) / (kPi * x);
}

double lanczos(double x) {
  return std::abs(x) < kLobes ? sinc(x) * sinc(x / kLobes) : 0;
}

// Which source pixels make one pixel, and how much each.
struct Taps {
  size_t first = 0;
  std::vector<float> weights;
};

std::vector<Taps> taps_of(size_t from, size_t to, size_t start, size_t count) {
  const double scale = static_cast<double>(from) / static_cast<double>(to);
  const double stretch = std::max(scale, 1.0);
  const double support = kLobes * stretch;
  std::vector<Taps> all(count);
  for (size_t i = 0; i < count; ++i) {
    const double centre = (static_cast<double>(start + i) + 0.5) * scale;
    const auto first = static_cast<size_t>(std::max(centre - support + 0.5, 0.0));
    const size_t end = std::min(static_cast<size_t>(centre + support + 0.5), from);
    std::vector<double> weights;
    double sum = 0;
    for (size_t k = first; k < end; ++k) {
      weights.push_back(lanczos((static_cast<double>(k) - centre + 0.5) / stretch));
      sum += weights.back();
    }
    all[i].first = first;
    for (const double weight : weights) all[i].weights.push_back(static_cast<float>(weight / sum));
  }
  return all;
}

uint8_t to_byte(float value) {
  return static_cast<uint8_t>(std::clamp(value + 0.5f, 0.0f, 255.0f));
}

// One row of the source, its width cut and resized. The compiler knows the number of channels, so
// that the sums stay in registers.
template <size_t kChannels>
void resample_row(const uint8_t *from, const std::vector<Taps> &columns, uint8_t *to) {
  for (const Taps &taps : columns) {
    const uint8_t *pixel = from + taps.first * kChannels;
    float sums[kChannels] = {};
    for (const float weight : taps.weights) {
      for (size_t c = 0; c < kChannels; ++c) sums[c] += weight * static_cast<float>(pixel[c]);
      pixel += kChannels;
    }
    for (const float sum : sums) *to++ = to_byte(sum);
  }
}

}  // namespace

Raster resample(const Raster &from, const Cut &cut) {
  const auto columns = taps_of(from.width, cut.resized_width, cut.left, cut.width);
  const auto rows = taps_of(from.height, cut.resized_height, cut.top, cut.height);
  const size_t first = rows.front().first;
  const size_t end = rows.back().first + rows.back().weights.size();
  const size_t line = cut.width * from.channels;
  std::vector<uint8_t> narrow((end - first) * line);
  const auto resample_this = from.channels == 3 ? resample_row<3> : resample_row<1>;
  for (size_t row = first; row < end; ++row)
    resample_this(from.bytes.data() + row * from.width * from.channels, columns,
                  narrow.data() + (row - first) * line);
  Raster out{cut.width, cut.height, from.channels, std::vector<uint8_t>(cut.height * line), false};
  std::vector<float> sums(line);
  for (size_t row = 0; row < cut.height; ++row) {
    std::fill(sums.begin(), sums.end(), 0.0f);
    for (size_t k = 0; k < rows[row].weights.size(); ++k) {
      const float weight = rows[row].weights[k];
      const uint8_t *source = narrow.data() + (rows[row].first + k - first) * line;
      for (size_t i = 0; i < line; ++i) sums[i] += weight * static_cast<float>(source[i]);
    }
    std::transform(sums.begin(), sums.end(), out.bytes.data() + row * line, to_byte);
  }
  return out;
}

void mirror(Raster &picture) {
  for (size_t row = 0; row < picture.height; ++row) {
    uint8_t *line = picture.bytes.data() + row * picture.width * picture.channels;
    for (size_t left = 0; left < picture.width / 2; ++left) {
      const size_t right = picture.width - 1 - left;
      std::swap_ranges(line + left * picture.channels, line + (left + 1) * picture.channels,
                       line + right * picture.channels);
    }
  }
}

// 2 mirrored, 3 upside down and mirrored, 4 upside down; 5 to 8 have rows for columns.
Raster upright(Raster from, uint32_t orientation) {
  if (orientation <= 1 || orientation > 8) return from;
  const bool turned = orientation >= 5;
  const bool from_right =
      orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
  const bool from_below =
      orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
  Raster out{turned ? from.height : from.width, turned ? from.width : from.height, from.channels,
             std::vector<uint8_t>(from.bytes.size()), false};
  uint8_t *to = out.bytes.data();
  for (size_t y = 0; y < out.height; ++y) {
    for (size_t x = 0; x < out.width; ++x, to += from.channels) {
      const size_t column = turned ? y : x;
      const size_t row = turned ? x : y;
      const size_t source_x = from_right ? from.width - 1 - column : column;
      const size_t source_y = from_below ? from.height - 1 - row : row;
      const uint8_t *pixel = from.bytes.data() + (source_y * from.width + source_x) * from.channels;
      std::copy(pixel, pixel + from.channels, to);
    }
  }
  return out;
}

}  // namespace image_folder
