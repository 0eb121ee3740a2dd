#include "backends/cuda/softmax.h"

#include "backends/cuda/rows.h"
#include "flame/op_checks.hpp"

namespace flame::cuda {
namespace {

RowKernel row_kernel(const flame::Op &op, bool logarithm) {
  expect_attributes(op, {"axis"});
  const flame_tensor &y = op.output(0);
  RowKernel rows(sizes_of(y), static_cast<size_t>(op.attributes().integer("axis")), y.dtype);
  rows.definitions().type("X", y.dtype).alias("A", accumulator_type(y.dtype));
  rows.definitions().flag("kLogarithm", logarithm);
  return rows;
}

}  // namespace

std::unique_ptr<OpPlan> plan_softmax_rows(const flame::Op &op, bool logarithm) {
  RowKernel rows = row_kernel(op, logarithm);
  rows.add("x", op.input(0));
  rows.add("y", op.output(0));
  auto plan = std::make_unique<KernelPlan>();
  plan->add(rows.launch("softmax.cu", "softmax", {input_argument(0), output_argument(0)}));
  return plan;
}

std::unique_ptr<OpPlan> plan_softmax_grad_rows(const flame::Op &op, bool logarithm) {
  RowKernel rows = row_kernel(op, logarithm);
  rows.add("dy", op.input(0));
  rows.add("y", op.input(1));
  rows.add("dx", op.output(0));
  auto plan = std::make_unique<KernelPlan>();
  plan->add(rows.launch("softmax_grad.cu", "softmax_grad",
                        {input_argument(0), input_argument(1), output_argument(0)}));
  return plan;
}

}  // namespace flame::cuda
