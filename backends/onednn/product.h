// Products of matrices, which matmul and linear are: y = a · b + addend.
#pragma once

#include "backends/onednn/op_plan.h"

namespace flame::onednn {

// The matrices of one operand: batch axes, then rows and columns.
struct Matrices {
  std::vector<int64_t> shape;
  std::vector<int64_t> strides;

  explicit Matrices(const flame_tensor &tensor);
  void transpose();
  // Batch axes of size 1 in front, up to that rank.
  void widen(size_t rank);
};

// What stands from input 2 on.
enum class Addend {
  kNone,
  kMatrices,  // of y's shape and type
  kRow,       // a bias for each column
  kBoth,      // the row, then the matrices
};

// Inputs 0 and 1 are a and b, given here as matrices of one rank; output 0 is y, contiguous.
// Refuses layouts that neither oneDNN nor a loop over its products takes.
std::unique_ptr<OpPlan> plan_product(const flame::Op &op, Matrices a, Matrices b, Addend addend);

}  // namespace flame::onednn
