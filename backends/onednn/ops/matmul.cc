// matmul: y = a · b + c over batches that broadcast.
#include <algorithm>

#include "backends/onednn/product.h"
#include "flame/op_checks.hpp"

namespace flame::onednn {

std::unique_ptr<OpPlan> plan_matmul(const flame::Op &op) {
  expect_attributes(op, {"transpose_a", "transpose_b", "dtype"});
  expect_floats(op);
  Matrices a(op.input(0));
  Matrices b(op.input(1));
  if (op.attributes().flag("transpose_a")) a.transpose();
  if (op.attributes().flag("transpose_b")) b.transpose();
  const size_t rank = std::max(a.shape.size(), b.shape.size());
  a.widen(rank);
  b.widen(rank);
  return plan_product(op, std::move(a), std::move(b),
                      op.input_count() == 3 ? Addend::kMatrices : Addend::kNone);
}

}  // namespace flame::onednn
