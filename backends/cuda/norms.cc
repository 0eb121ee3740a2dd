#include "backends/cuda/norms.h"

#include <algorithm>
#include <numeric>

#include "backends/cuda/channel_sums.h"
#include "backends/cuda/checks.h"
#include "backends/cuda/reduction.h"
#include "backends/cuda/rows.h"

namespace flame::cuda {
namespace {

// Parts of the statistics: every block of the last step joins them again.
constexpr int64_t kMostParts = 264;
// So many elements of an image are more than the GPU's cache holds.
constexpr int64_t kLarge = int64_t{16} << 20;

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

// Threads that share a pack of channels, of a block with a thread for every pack: a power of two.
int64_t place_threads_for(int64_t packs, int64_t places, int64_t most_threads) {
  int64_t threads = 1;
  while (packs * threads * 2 <= most_threads && threads * 2 <= places) threads *= 2;
  return threads;
}

// The last step, which reads and writes everything.
struct LastStep {
  int64_t vector;
  int64_t place_threads;
  int64_t threads;       // of a block: whole warps
  int64_t block_places;  // of a block
  int64_t blocks;        // of an image
};

LastStep last_step(const NormShape &shape, int64_t vector, const Target &target) {
  LastStep step;
  step.vector = vector;
  const int64_t packs = shape.channels / vector;
  if (packs > 1024) {
    throw flame::unsupported("group_norm has ", shape.channels,
                             " channels here, which is more than its kernels take");
  }
  step.place_threads = place_threads_for(packs, shape.places, 320);
  step.threads = (packs * step.place_threads + 31) / 32 * 32;
  // Two blocks for each multiprocessor, or more where a thread would have many steps; two steps at
  // least, since every block begins with the statistics.
  const int64_t all = int64_t{target.multiprocessors} * 2 / shape.images + 1;
  const int64_t even = (shape.places + all - 1) / all;
  const int64_t trips = std::clamp<int64_t>(even / step.place_threads, 2, 32);
  step.block_places = step.place_threads * trips;
  step.blocks = (shape.places + step.block_places - 1) / step.block_places;
  return step;
}

Definitions last_definitions(const NormShape &shape, const LastStep &step) {
  Definitions made = norm_definitions(shape, step.vector);
  made.number("kPlaceThreads", step.place_threads).number("kThreads", step.threads);
  made.number("kBlocks", step.blocks).number("kBlockPlaces", step.block_places);
  return made;
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

  const int64_t vector = vector_for(shape.channels, shape.dtype);
  const LastStep last = last_step(shape, vector, target);

  // The statistics: a block holds all channels of some places.
  const int64_t packs = shape.channels / vector;
  const int64_t together = std::gcd(vector, shape.channels / shape.groups);
  const int64_t pieces = vector / together;  // of a pack, each of which is held in shared memory
  const int64_t place_threads = place_threads_for(packs, shape.places, pieces > 4 ? 320 : 640);
  if (packs * place_threads * pieces > 4096) {
    throw flame::unsupported("group_norm has ", shape.groups, " groups of ",
                             shape.channels / shape.groups,
                             " channels here, which its kernels do not take");
  }
  // Every block of the last step joins all parts: few of them, unless there is much to read.
  const bool large = shape.places * shape.channels >= kLarge;
  const int64_t wanted = int64_t{target.multiprocessors} * (large ? 2 : 1) / shape.images + 1;
  int64_t parts =
      std::clamp<int64_t>(shape.places / (place_threads * 4), 1, std::min(wanted, kMostParts));
  const int64_t chunk = (shape.places + parts - 1) / parts;
  parts = (shape.places + chunk - 1) / chunk;
  const int64_t bytes = FLAME_DTYPE_BYTES(sum_dtype(shape.dtype));
  const uint64_t partial =
      plan->reserve(static_cast<uint64_t>(shape.images * parts * shape.groups * 2 * bytes));
  Definitions first = norm_definitions(shape, vector);
  first.number("kParts", parts).number("kChunk", chunk).number("kPlaceThreads", place_threads);
  first.number("kTogether", together);
  KernelLaunch statistics;
  statistics.source = {"group_statistics.cu", first.text(), "group_statistics"};
  statistics.threads = static_cast<uint32_t>(packs * place_threads);
  statistics.blocks = static_cast<uint32_t>(shape.images * parts);
  statistics.arguments = {input_argument(0), workspace_argument(partial)};
  plan->add(std::move(statistics));

  Definitions second = last_definitions(shape, last);
  second.number("kParts", parts).number("kChunk", chunk);
  int64_t lanes = 1;
  while (lanes < 32 && lanes * 2 * shape.groups <= last.threads && lanes < parts) lanes *= 2;
  second.number("kLanes", lanes).real("kEpsilon", op.attributes().number("eps"));
  KernelLaunch apply;
  apply.source = {"group_norm.cu", second.text(), "group_norm"};
  apply.threads = static_cast<uint32_t>(last.threads);
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
  // Half packs: a thread holds six numbers of each channel.
  const int64_t whole = vector_for(shape.channels, shape.dtype);
  const LastStep last =
      last_step(shape, whole == 8 && shape.channels <= 2048 ? whole / 2 : whole, target);
  const Definitions made = last_definitions(shape, last);
  KernelLaunch apply;
  apply.source = {"group_norm_grad.cu", made.text(), "group_norm_grad"};
  apply.threads = static_cast<uint32_t>(last.threads);
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
