// linear: y = x · weightᵀ + bias.
#include "backends/onednn/checks.h"
#include "backends/onednn/product.h"

namespace flame::onednn {

std::unique_ptr<OpPlan> plan_linear(const flame::Op &op) {
  expect_attributes(op, {});
  expect_floats(op);
  Matrices x(op.input(0));
  if (x.shape.size() < 2) x.widen(2);
  Matrices weight(op.input(1));
  weight.transpose();
  weight.widen(x.shape.size());
  return plan_product(op, std::move(x), std::move(weight),
                      op.input_count() == 3 ? Addend::kRow : Addend::kNone);
}

}  // namespace flame::onednn
