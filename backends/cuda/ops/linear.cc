// linear: y = x · weightᵀ + bias.
#include "backends/cuda/checks.h"
#include "backends/cuda/product_plan.h"

namespace flame::cuda {

std::unique_ptr<OpPlan> plan_linear(const flame::Op &op, const Target &target) {
  expect_attributes(op, {});
  expect_product_types(op);
  Matrices x(op.input(0));
  if (x.shape.size() < 2) x.widen(2);
  Matrices weight(op.input(1));
  weight.transpose();
  weight.widen(x.shape.size());
  return plan_product(op, target, std::move(x), std::move(weight),
                      op.input_count() == 3 ? Addend::kBias : Addend::kNone);
}

}  // namespace flame::cuda
