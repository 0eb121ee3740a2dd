#include "core/sample/noise.h"

#include <algorithm>

#include "flame/philox.hpp"

namespace flame {

std::vector<float> normal_noise(uint64_t seed, size_t count, double scale) {
  std::vector<float> noise(count);
  for (size_t i = 0; i < count; i += 4) {
    const auto words = random_words(static_cast<int64_t>(seed), 0, 0, i / 4);
    const auto first = normal_pair(words[0], words[1]), second = normal_pair(words[2], words[3]);
    const double drawn[] = {first[0], first[1], second[0], second[1]};
    for (size_t j = i; j < std::min(i + 4, count); ++j)
      noise[j] = static_cast<float>(drawn[j - i] * scale);
  }
  return noise;
}

}  // namespace flame
