// A group of flat buffers to try an optimizer with: a matrix, a vector and the weight of a
// convolution, twice.
#pragma once

#include <array>
#include <vector>

#include "flame/optimizer.h"

namespace flame {

class TrialGroup {
 public:
  static constexpr int64_t kSize = 1024;

  TrialGroup() {
    for (int64_t start = 0; start < kSize; start += kSize / 2) {
      slices_.push_back({start, kMatrix.data(), kMatrix.size(), 0});
      slices_.push_back({start + 128, kVector.data(), kVector.size(), 0});
      slices_.push_back({start + 192, kWindow.data(), kWindow.size(), 0});
    }
    group_ = {sizeof group_, static_cast<uint32_t>(slices_.size()), kSize, slices_.data()};
  }
  TrialGroup(const TrialGroup &) = delete;
  TrialGroup &operator=(const TrialGroup &) = delete;

  const flame_group *get() const { return &group_; }

 private:
  static constexpr std::array<int64_t, 2> kMatrix = {8, 16};
  static constexpr std::array<int64_t, 1> kVector = {40};
  static constexpr std::array<int64_t, 4> kWindow = {4, 3, 3, 6};

  std::vector<flame_slice> slices_;
  flame_group group_;
};

}  // namespace flame
