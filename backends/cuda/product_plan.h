// The plan of matmul, linear and linear_scaled.
#pragma once

#include "backends/cuda/op_plan.h"
#include "backends/cuda/product.h"

namespace flame::cuda {

// The matrices of one operand: batch axes, then rows and columns.
struct Matrices {
  Sizes shape;
  Sizes strides;

  explicit Matrices(const flame_tensor &tensor)
      : shape(sizes_of(tensor)), strides(strides_of(tensor)) {}
  void transpose();
  // Batch axes of size 1 in front, up to that rank.
  void widen(size_t rank);
};

// Inputs 0 and 1 are a and b, given here as matrices of one rank; output 0 is y. What else there is
// stands in these inputs.
struct ProductInputs {
  uint32_t bias = 2;
  uint32_t matrix = 2;  // that is added
  uint32_t scales = 0;  // of a, and behind it of b; 0: there are none
};

// Refuses layouts that cuBLASLt does not take.
std::unique_ptr<OpPlan> plan_product(const flame::Op &op, const Target &target, Matrices a,
                                     Matrices b, Addend addend, ProductInputs inputs = {});

// Refuses types other than f64, f32, bf16 and f16.
void expect_product_types(const flame::Op &op);

}  // namespace flame::cuda
