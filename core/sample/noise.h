// Noise that a seed stands for.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace flame {

// Normal numbers of deviation `scale`, as the op `random` draws them with counter and stream 0.
std::vector<float> normal_noise(uint64_t seed, size_t count, double scale);

}  // namespace flame
