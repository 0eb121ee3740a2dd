// Elementwise work: the kernels of map, and of every op that a short code over views can say.
#pragma once

#include <string_view>

#include "backends/cuda/axes.h"
#include "backends/cuda/kernel_plan.h"

namespace flame::cuda {

// A tensor of the op, seen in its own or another shape.
struct ElementwiseView {
  uint32_t tensor;  // the number of the op's input or output
  flame_dtype dtype;
  Sizes strides;       // for each axis of the common shape
  int64_t offset = 0;  // of the first element, in elements
};

struct ElementwiseWork {
  Sizes shape;
  std::vector<ElementwiseView> inputs;   // x0, x1, … of the code
  std::vector<ElementwiseView> outputs;  // at least one
};

// The tensor as it is, repeated to `shape`.
ElementwiseView whole_view(uint32_t number, const flame_tensor &tensor, const Sizes &shape);

// One launch that runs the code over all elements. Throws unsupported() if the code cannot be read.
// Each output may stand in the memory of an input that lies just as it does.
KernelLaunch elementwise_launch(std::string_view code, const ElementwiseWork &work);

// The plan of one such launch.
std::unique_ptr<OpPlan> plan_elementwise(std::string_view code, const ElementwiseWork &work);

// The same over all inputs and outputs of an op; inputs are repeated to the shape of output 0.
std::unique_ptr<OpPlan> plan_elementwise(const flame::Op &op, std::string_view code);

}  // namespace flame::cuda
