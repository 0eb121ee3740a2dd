// linear: y = x · weightᵀ + bias + addend.
#include "backends/cuda/product_plan.h"
#include "flame/op_checks.hpp"

namespace flame::cuda {
namespace {

Addend addend_of(const flame::Op &op) {
  if (op.input_count() == 2) return Addend::kNone;
  if (op.input_count() == 3) return Addend::kBias;
  if (op.input_count() == 4) return Addend::kBoth;
  throw flame::unsupported(op.name(), " of ", op.input_count(),
                           " inputs is newer than this backend");
}

}  // namespace

std::unique_ptr<OpPlan> plan_linear(const flame::Op &op, const Target &target) {
  expect_attributes(op, {});
  expect_product_types(op);
  Matrices x(op.input(0));
  if (x.shape.size() < 2) x.widen(2);
  Matrices weight(op.input(1));
  weight.transpose();
  weight.widen(x.shape.size());
  return plan_product(op, target, std::move(x), std::move(weight), addend_of(op),
                      {.bias = 2, .matrix = 3});
}

}  // namespace flame::cuda
