#include "backends/cuda/norms.h"

#include <algorithm>

#include "backends/cuda/channel_sums.h"
#include "backends/cuda/checks.h"
#include "backends/cuda/reduction.h"
#include "backends/cuda/rows.h"

namespace flame::cuda {
namespace {

constexpr int64_t kThreads = 256;

// An input that may be left out; the kernel then reads nothing there.
Argument optional_input(const flame::Op &op, uint32_t index) {
  return index < op.input_count() ? input_argument(index) : number_argument(0);
}

RowKernel row_kernel(const flame_tensor &x, bool centered, bool weight) {
  if (x.shape[x.rank - 1] == 0) throw flame::unsupported("norms take no empty vectors here");
  RowKernel rows(sizes_of(x), x.rank - 1, x.dtype);
  rows.definitions().type("X", x.dtype).alias("A", accumulator_type(x.dtype));
  rows.definitions().flag("kCentered", centered).flag("kWeight", weight);
  rows.add_scalars("mean");
  rows.add_scalars("rstd");
  return rows;
}

// A tensor, or number_of_steps 1 for one that is left out.
void add_or_skip(RowKernel &rows, const std::string &name, const flame::Op &op, uint32_t index) {
  if (index < op.input_count())
    rows.add(name, op.input(index));
  else
    rows.definitions().number(("step_" + name).c_str(), 1);
}

// The most neighbours, at most 8, of which `count` is a whole number.
int64_t vector_for(int64_t count, flame_dtype dtype) {
  int64_t vector = std::min<int64_t>(16 / FLAME_DTYPE_BYTES(dtype), 8);
  while (vector > 1 && count % vector != 0) vector /= 2;
  return vector;
}

NormShape group_shape(const flame::Op &op, const flame_tensor &x) {
  expect_all_contiguous(op);
  NormShape shape;
  shape.dtype = x.dtype;
  shape.images = x.shape[0];
  for (uint32_t axis = 1; axis + 1 < x.rank; ++axis) shape.places *= x.shape[axis];
  shape.channels = x.shape[x.rank - 1];
  shape.groups = op.attributes().integer("groups");
  shape.silu = op.attributes().string("activation") == "silu";
  return shape;
}

// The places of one block of the last step, which reads and writes them all.
struct LastStep {
  int64_t block_places;
  int64_t blocks;  // of an image
};

LastStep last_step(const NormShape &shape, int64_t vector, const Target &target) {
  const int64_t packs = shape.channels / vector;
  const int64_t least = std::max<int64_t>(kThreads * 2 / packs, 1);  // two steps of each thread
  const int64_t wanted = int64_t{target.multiprocessors} * 16 / std::max<int64_t>(shape.images, 1);
  const int64_t even = (shape.places + wanted - 1) / std::max<int64_t>(wanted, 1);
  const int64_t places = std::max(least, even);
  return {places, (shape.places + places - 1) / places};
}

bool is_empty(const NormShape &shape) {
  return shape.images == 0 || shape.places == 0 || shape.channels == 0;
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
  expect_all_contiguous(op);
  const bool centered = norm == RowNorm::kLayer;
  const uint32_t rstd = centered ? 3 : 2;
  const uint32_t weight = rstd + 1;
  const flame_tensor &x = op.input(1);
  RowKernel rows = row_kernel(x, centered, op.input_count() > weight);
  rows.add("dy", op.input(0));
  rows.add("x", x);
  rows.add("dx", op.output(0));
  add_or_skip(rows, "weight", op, weight);
  auto plan = std::make_unique<KernelPlan>();
  const Argument mean = centered ? input_argument(2) : number_argument(0);
  plan->add(rows.launch("layer_norm_grad.cu", "layer_norm_grad",
                        {input_argument(0), input_argument(1), mean, input_argument(rstd),
                         optional_input(op, weight), output_argument(0)}));
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

std::unique_ptr<OpPlan> plan_group_norm_steps(const flame::Op &op, const Target &target) {
  expect_attributes(op, {"groups", "activation", "eps"});
  NormShape shape = group_shape(op, op.input(0));
  shape.weight = op.input_count() > 1;
  shape.bias = op.input_count() > 2;
  auto plan = std::make_unique<KernelPlan>();
  if (is_empty(shape)) throw flame::unsupported("group_norm takes no empty tensors here");

  // The statistics: a block holds whole groups side by side, and some places.
  const int64_t of_group = shape.channels / shape.groups;
  const int64_t vector = vector_for(of_group, shape.dtype);
  const int64_t packs_of_group = of_group / vector;
  if (packs_of_group > 512) {
    throw flame::unsupported("group_norm has groups of ", of_group,
                             " channels here, which is more than its kernels take");
  }
  const int64_t packs = shape.channels / vector;
  const int64_t channel_threads =
      std::max<int64_t>(std::min(packs, kThreads) / packs_of_group, 1) * packs_of_group;
  int64_t place_threads = 1;
  while (channel_threads * place_threads * 2 <= 512 && place_threads * 8 <= shape.places)
    place_threads *= 2;
  const int64_t wanted = int64_t{target.multiprocessors} * 4 / shape.images + 1;
  int64_t parts = std::clamp<int64_t>(shape.places / (place_threads * 4), 1, wanted);
  const int64_t chunk = (shape.places + parts - 1) / parts;
  parts = (shape.places + chunk - 1) / chunk;
  const int64_t bytes = FLAME_DTYPE_BYTES(sum_dtype(shape.dtype));
  const uint64_t partial =
      plan->reserve(static_cast<uint64_t>(shape.images * parts * shape.groups * 2 * bytes));
  Definitions first = norm_definitions(shape, vector);
  first.number("kParts", parts).number("kChunk", chunk);
  first.number("kChannelThreads", channel_threads).number("kPlaceThreads", place_threads);
  KernelLaunch statistics;
  statistics.source = {"group_statistics.cu", first.text(), "group_statistics"};
  statistics.threads = static_cast<uint32_t>(channel_threads * place_threads);
  statistics.blocks = static_cast<uint32_t>(shape.images * parts);
  statistics.arguments = {input_argument(0), workspace_argument(partial)};
  plan->add(std::move(statistics));

  const int64_t wide = vector_for(shape.channels, shape.dtype);
  const LastStep last = last_step(shape, wide, target);
  Definitions second = norm_definitions(shape, wide);
  second.number("kParts", parts).number("kChunk", chunk).number("kThreads", kThreads);
  second.number("kBlocks", last.blocks).number("kBlockPlaces", last.block_places);
  second.real("kEpsilon", op.attributes().number("eps"));
  KernelLaunch apply;
  apply.source = {"group_norm.cu", second.text(), "group_norm"};
  apply.threads = kThreads;
  apply.blocks = static_cast<uint32_t>(shape.images * last.blocks);
  apply.arguments = {input_argument(0),          optional_input(op, 1), optional_input(op, 2),
                     output_argument(0),         output_argument(1),    output_argument(2),
                     workspace_argument(partial)};
  plan->add(std::move(apply));
  return plan;
}

std::unique_ptr<OpPlan> plan_group_norm_grad_steps(const flame::Op &op, const Target &target) {
  expect_attributes(op, {"groups", "activation", "weight_gradient"});
  NormShape shape = group_shape(op, op.input(1));
  shape.weight = op.input_count() > 4;
  shape.bias = op.input_count() > 5;
  auto plan = std::make_unique<KernelPlan>();
  if (is_empty(shape)) throw flame::unsupported("group_norm_grad takes no empty tensors here");
  const NormInputs inputs = {input_argument(0), input_argument(1),     input_argument(2),
                             input_argument(3), optional_input(op, 4), optional_input(op, 5)};
  const ChannelSums sums = add_channel_sums(*plan, shape, inputs, target);
  uint64_t totals = sums.offset;
  const flame_dtype held = sum_dtype(shape.dtype);
  if (sums.parts > 1) {
    const int64_t rows = 2 * shape.images;
    totals = plan->reserve(
        static_cast<uint64_t>(rows * shape.channels * int64_t{FLAME_DTYPE_BYTES(held)}));
    add_reduction(
        *plan,
        {"sum",
         workspace_argument(sums.offset),
         held,
         workspace_argument(totals),
         held,
         {{rows, {sums.parts * shape.channels, shape.channels}}, {shape.channels, {1, 1}}},
         {{sums.parts, {shape.channels}}}},
        target);
  }
  const int64_t vector = vector_for(shape.channels, shape.dtype);
  const LastStep last = last_step(shape, vector, target);
  Definitions made = norm_definitions(shape, vector);
  made.number("kThreads", kThreads);
  made.number("kBlocks", last.blocks).number("kBlockPlaces", last.block_places);
  KernelLaunch apply;
  apply.source = {"group_norm_grad.cu", made.text(), "group_norm_grad"};
  apply.threads = kThreads;
  apply.blocks = static_cast<uint32_t>(shape.images * last.blocks);
  apply.arguments = {inputs.dy,     inputs.x,    inputs.mean,        inputs.rstd,
                     inputs.weight, inputs.bias, output_argument(0), workspace_argument(totals)};
  plan->add(std::move(apply));
  for (uint32_t i = 1; i < op.output_count(); ++i)
    add_channel_total(*plan, shape, sums, static_cast<int>(i) - 1, output_argument(i),
                      op.output(i).dtype, target);
  return plan;
}

}  // namespace flame::cuda
