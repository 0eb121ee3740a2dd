// group_norm of images that the chip holds whole: one launch in which clusters of blocks read
// everything once.
#pragma once

#include <optional>

#include "backends/cuda/channel_sums.h"

namespace flame::cuda {

// The launch without its arguments; none where the chip has no clusters or an image is too large. What
// x, the weight and the rest are is what group_norm.cu takes, without the parts.
std::optional<KernelLaunch> group_norm_cluster_launch(const NormShape &shape, double epsilon,
                                                      const Target &target);

}  // namespace flame::cuda
