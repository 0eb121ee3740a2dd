// Convolutions with few channels on one side, at a picture's edge: a kernel of our own.
#pragma once

#include <optional>

#include "backends/cuda/cudnn_graph.h"
#include "backends/cuda/kernel_plan.h"

namespace flame::cuda {

// The launch, or none where the kernel does not take the shape: bf16 or f16, windows of up to 3×3 in
// steps of 1, at most 4 channels on one side and a multiple of 32 up to 512 on the other, forward or
// the gradient to the image. The one place that chooses between it and cuDNN. All addresses must be
// multiples of 16.
std::optional<KernelLaunch> edge_convolution_launch(const ConvolutionShape &shape,
                                                    const Target &target);

}  // namespace flame::cuda
