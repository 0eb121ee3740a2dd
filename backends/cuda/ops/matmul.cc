// matmul: y = a · b + c over batches that broadcast.
#include <algorithm>

#include "backends/cuda/product_plan.h"
#include "flame/op_checks.hpp"

namespace flame::cuda {

std::unique_ptr<OpPlan> plan_matmul(const flame::Op &op, const Target &target) {
  expect_attributes(op, {"transpose_a", "transpose_b", "dtype"});
  expect_product_types(op);
  Matrices a(op.input(0));
  Matrices b(op.input(1));
  if (op.attributes().flag("transpose_a")) a.transpose();
  if (op.attributes().flag("transpose_b")) b.transpose();
  const size_t rank = std::max(a.shape.size(), b.shape.size());
  a.widen(rank);
  b.widen(rank);
  return plan_product(op, target, std::move(a), std::move(b),
                      op.input_count() == 3 ? Addend::kMatrix : Addend::kNone);
}

}  // namespace flame::cuda
