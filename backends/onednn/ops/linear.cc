// linear: y = x · weightᵀ + bias + addend.
#include "backends/onednn/product.h"
#include "flame/op_checks.hpp"

namespace flame::onednn {
namespace {

Addend addend_of(const flame::Op &op) {
  if (op.input_count() == 2) return Addend::kNone;
  if (op.input_count() == 3) return Addend::kRow;
  if (op.input_count() == 4) return Addend::kBoth;
  throw flame::unsupported(op.name(), " of ", op.input_count(),
                           " inputs is newer than this backend");
}

}  // namespace

std::unique_ptr<OpPlan> plan_linear(const flame::Op &op) {
  expect_attributes(op, {});
  expect_floats(op);
  Matrices x(op.input(0));
  if (x.shape.size() < 2) x.widen(2);
  Matrices weight(op.input(1));
  weight.transpose();
  weight.widen(x.shape.size());
  return plan_product(op, std::move(x), std::move(weight), addend_of(op));
}

}  // namespace flame::onednn
