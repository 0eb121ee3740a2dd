// The plans of layer_norm and rms_norm, and of their gradients.
#include "backends/cuda/norms.h"

#include "backends/cuda/channel_sums.h"
#include "backends/cuda/rows.h"
#include "flame/op_checks.hpp"

namespace flame::cuda {
namespace {

RowKernel row_kernel(const flame_tensor &x, bool centered, bool weight) {
  if (x.shape[x.rank - 1] == 0) throw flame::unsupported("norms take no empty vectors here");
  RowKernel rows(sizes_of(x), x.rank - 1, x.dtype);
  rows.definitions().type("X", x.dtype).alias("A", accumulator_type(x.dtype));
  rows.definitions().flag("kCentered", centered).flag("kWeight", weight);
  rows.add_scalars("mean");
  rows.add_scalars("rstd");
  return rows;
}

// One that is left out has a step nonetheless; nothing is read there.
void add_or_skip(RowKernel &rows, const std::string &name, const flame::Op &op, uint32_t index) {
  if (index < op.input_count())
    rows.add(name, op.input(index));
  else
    rows.definitions().number(("step_" + name).c_str(), 1);
}

}  // namespace

std::unique_ptr<OpPlan> plan_row_norm(const flame::Op &op, RowNorm norm) {
  expect_attributes(op, {"eps"});
  expect_all_contiguous(op);
  const bool centered = norm == RowNorm::kLayer;
  const flame_tensor &x = op.input(0);
  RowKernel rows = row_kernel(x, centered, op.input_count() > 1);
  rows.add("x", x);
  rows.add("y", op.output(0));
  add_or_skip(rows, "weight", op, 1);
  add_or_skip(rows, "bias", op, 2);
  rows.definitions().flag("kBias", op.input_count() > 2);
  rows.definitions().real("kEpsilon", op.attributes().number("eps"));
  auto plan = std::make_unique<KernelPlan>();
  plan->add(rows.launch(
      "layer_norm.cu", "layer_norm",
      {input_argument(0), optional_input(op, 1), optional_input(op, 2), output_argument(0),
       centered ? output_argument(1) : number_argument(0), output_argument(centered ? 2 : 1)}));
  return plan;
}

std::unique_ptr<OpPlan> plan_row_norm_grad(const flame::Op &op, RowNorm norm,
                                           const Target &target) {
  expect_attributes(op, {"weight_gradient"});
  const bool centered = norm == RowNorm::kLayer;
  const uint32_t rstd = centered ? 3 : 2;
  const uint32_t weight = rstd + 1;
  const uint32_t addend = weight + 1;
  expect_all_contiguous(op, addend);
  const flame_tensor &x = op.input(1);
  RowKernel rows = row_kernel(x, centered, op.input_count() > weight);
  rows.add("dy", op.input(0));
  rows.add("x", x);
  rows.add("dx", op.output(0));
  add_or_skip(rows, "weight", op, weight);
  rows.definitions().flag("kAddend", op.input_count() > addend);
  rows.add("addend", op.input(op.input_count() > addend ? addend : 1));
  auto plan = std::make_unique<KernelPlan>();
  if (op.input_count() > addend) plan->info.in_place_mask = uint64_t{1} << addend;
  const Argument mean = centered ? input_argument(2) : number_argument(0);
  plan->add(
      rows.launch("layer_norm_grad.cu", "layer_norm_grad",
                  {input_argument(0), input_argument(1), mean, input_argument(rstd),
                   optional_input(op, weight), optional_input(op, addend), output_argument(0)}));
  if (op.output_count() == 1) return plan;

  NormShape shape;
  shape.dtype = x.dtype;
  shape.places = rows.row_count();
  shape.channels = x.shape[x.rank - 1];
  shape.centered = centered;
  const NormInputs inputs = {input_argument(0),    input_argument(1),  mean,
                             input_argument(rstd), number_argument(0), number_argument(0)};
  const ChannelSums sums = add_channel_sums(*plan, shape, inputs, target);
  for (uint32_t i = 1; i < op.output_count(); ++i)
    add_channel_total(*plan, shape, sums, static_cast<int>(i) - 1, output_argument(i),
                      op.output(i).dtype, target);
  return plan;
}

}  // namespace flame::cuda
