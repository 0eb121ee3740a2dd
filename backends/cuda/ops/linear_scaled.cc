// linear_scaled: a linear layer over f8 on the tensor cores.
#include "backends/cuda/product_plan.h"
#include "flame/op_checks.hpp"

namespace flame::cuda {
namespace {

constexpr int kLeastCapability = 89;  // the first GPUs with products of f8
constexpr int64_t kStep = 16;         // of features and outputs

bool is_f8(flame_dtype dtype) {
  return dtype == FLAME_DTYPE_F8_E4M3 || dtype == FLAME_DTYPE_F8_E5M2;
}

void expect_f8_types(const flame::Op &op) {
  for (uint32_t i = 0; i < 2; ++i) {
    if (is_f8(op.input(i).dtype)) continue;
    throw flame::unsupported(op.name(), " multiplies f8 by f8, but input ", i, " is ",
                             flame::dtype_name(op.input(i).dtype));
  }
  if (op.input(0).dtype == FLAME_DTYPE_F8_E5M2 && op.input(1).dtype == FLAME_DTYPE_F8_E5M2)
    throw flame::unsupported(op.name(), ": cuBLASLt has no product of f8_e5m2 by f8_e5m2");
  const flame_dtype y = op.output(0).dtype;
  if (y == FLAME_DTYPE_BF16 || y == FLAME_DTYPE_F16) return;
  throw flame::unsupported(op.name(), " of f8 answers in bf16 and f16, but y is ",
                           flame::dtype_name(y),
                           "; the tensor cores add products of f8 in fewer bits than f32 has");
}

void expect_f8_sizes(const flame::Op &op) {
  const flame_tensor &weight = op.input(1);
  for (uint32_t axis = 0; axis < 2; ++axis) {
    if (weight.shape[axis] % kStep == 0 && weight.shape[axis] > 0) continue;
    throw flame::unsupported(op.name(), " of f8 takes features and outputs in steps of ", kStep,
                             ", but the weight is ", flame::to_text(weight));
  }
}

}  // namespace

std::unique_ptr<OpPlan> plan_linear_scaled(const flame::Op &op, const Target &target) {
  expect_attributes(op, {"dtype"});
  if (target.capability < kLeastCapability) {
    throw flame::unsupported(op.name(),
                             ": products of f8 need compute capability 8.9, the GPU has ",
                             target.capability / 10, ".", target.capability % 10);
  }
  expect_f8_types(op);
  expect_f8_sizes(op);
  Matrices x(op.input(0));
  if (x.shape.size() < 2) x.widen(2);
  Matrices weight(op.input(1));
  weight.transpose();
  weight.widen(x.shape.size());
  return plan_product(op, target, std::move(x), std::move(weight),
                      op.input_count() == 5 ? Addend::kBias : Addend::kNone,
                      {.bias = 4, .scales = 2});
}

}  // namespace flame::cuda
