// Elementwise work: the plan of map, and of every op that a short code over views can say.
#pragma once

#include <string_view>

#include "backends/onednn/loop_nest.h"
#include "backends/onednn/op_plan.h"

namespace flame::onednn {

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
  // Whether output 0 may stand in the memory of inputs that lie just as it does: only where every
  // view is a tensor of its own.
  bool in_place = false;
};

// The tensor as it is, repeated to `shape`.
ElementwiseView whole_view(uint32_t number, const flame_tensor &tensor, const Sizes &shape);

// The plan that runs the code over all elements. Throws unsupported() if the code cannot be read.
std::unique_ptr<OpPlan> plan_elementwise(std::string_view code, ElementwiseWork work);

// The same over all inputs and outputs of an op, in place where that is right; inputs are repeated to the shape of output 0.
std::unique_ptr<OpPlan> plan_elementwise(const flame::Op &op, std::string_view code);

}  // namespace flame::onednn
