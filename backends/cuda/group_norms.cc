// group_norm and its gradient: their steps and how they are laid over blocks.
#include <algorithm>
#include <numeric>

#include "backends/cuda/channel_sums.h"
#include "backends/cuda/checks.h"
#include "backends/cuda/group_norm_cluster.h"
#include "backends/cuda/norms.h"
#include "backends/cuda/reduction.h"

namespace flame::cuda {
namespace {

// Parts of the statistics that a thread of the last step joins: it holds them in registers.
constexpr int64_t kMostPartsOfLane = 32;
// So many elements of an image are more than the GPU's cache holds.
constexpr int64_t kLarge = int64_t{16} << 20;

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
  if (shape.images == 0 || shape.places == 0 || shape.channels == 0)
    throw flame::unsupported(op.name(), " takes no empty tensors here");
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

// Neighbouring threads that join one group's parts in each block of the last step.
int64_t joining_lanes(const NormShape &shape, const LastStep &last) {
  int64_t lanes = 1;
  while (lanes < 32 && lanes * 2 * shape.groups <= last.threads) lanes *= 2;
  return lanes;
}

// The mean and squares of each part of the places, in the workspace.
struct Statistics {
  uint64_t offset;
  int64_t parts;
  int64_t chunk;  // places of a part
};

// The first step: a block holds all channels of some places.
Statistics add_statistics(KernelPlan &plan, const NormShape &shape, int64_t lanes,
                          const Target &target) {
  const int64_t vector = vector_for(shape.channels, shape.dtype);
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
  const int64_t most = std::min(wanted, lanes * kMostPartsOfLane);
  const int64_t parts = std::clamp<int64_t>(shape.places / (place_threads * 4), 1, most);
  Statistics made;
  made.chunk = (shape.places + parts - 1) / parts;
  made.parts = (shape.places + made.chunk - 1) / made.chunk;
  const int64_t numbers = shape.images * made.parts * shape.groups * 2;
  made.offset = plan.reserve(
      static_cast<uint64_t>(numbers * int64_t{FLAME_DTYPE_BYTES(sum_dtype(shape.dtype))}));
  Definitions definitions = norm_definitions(shape, vector);
  definitions.number("kParts", made.parts).number("kChunk", made.chunk);
  definitions.number("kPlaceThreads", place_threads).number("kTogether", together);
  KernelLaunch launch;
  launch.source = {"group_statistics.cu", definitions.text(), "group_statistics"};
  launch.threads = static_cast<uint32_t>(packs * place_threads);
  launch.blocks = static_cast<uint32_t>(shape.images * made.parts);
  launch.arguments = {input_argument(0), workspace_argument(made.offset)};
  plan.add(std::move(launch));
  return made;
}

// Joins the parts of each image: where the sums [2][images][channels] then stand.
uint64_t add_image_totals(KernelPlan &plan, const NormShape &shape, const ChannelSums &sums,
                          const Target &target) {
  if (sums.parts == 1) return sums.offset;
  const flame_dtype held = sum_dtype(shape.dtype);
  const int64_t rows = 2 * shape.images;
  const uint64_t totals =
      plan.reserve(static_cast<uint64_t>(rows * shape.channels * int64_t{FLAME_DTYPE_BYTES(held)}));
  const Axes kept = {{rows, {sums.parts * shape.channels, shape.channels}},
                     {shape.channels, {1, 1}}};
  add_reduction(plan,
                {"sum",
                 workspace_argument(sums.offset),
                 held,
                 workspace_argument(totals),
                 held,
                 kept,
                 {{sums.parts, {shape.channels}}}},
                target);
  return totals;
}

}  // namespace

std::unique_ptr<OpPlan> plan_group_norm_steps(const flame::Op &op, const Target &target) {
  expect_attributes(op, {"groups", "activation", "eps"});
  NormShape shape = group_shape(op, op.input(0));
  shape.weight = op.input_count() > 1;
  shape.bias = op.input_count() > 2;
  auto plan = std::make_unique<KernelPlan>();
  const double epsilon = op.attributes().number("eps");
  if (std::optional<KernelLaunch> whole = group_norm_cluster_launch(shape, epsilon, target)) {
    whole->arguments = {input_argument(0),  optional_input(op, 1), optional_input(op, 2),
                        output_argument(0), output_argument(1),    output_argument(2)};
    plan->add(std::move(*whole));
    return plan;
  }
  const LastStep last = last_step(shape, vector_for(shape.channels, shape.dtype), target);
  const int64_t lanes = joining_lanes(shape, last);
  const Statistics statistics = add_statistics(*plan, shape, lanes, target);
  Definitions made = last_definitions(shape, last);
  made.number("kParts", statistics.parts).number("kChunk", statistics.chunk);
  made.number("kLanes", lanes).real("kEpsilon", epsilon);
  KernelLaunch apply;
  apply.source = {"group_norm.cu", made.text(), "group_norm"};
  apply.threads = static_cast<uint32_t>(last.threads);
  apply.blocks = static_cast<uint32_t>(shape.images * last.blocks);
  apply.arguments = {input_argument(0),
                     optional_input(op, 1),
                     optional_input(op, 2),
                     output_argument(0),
                     output_argument(1),
                     output_argument(2),
                     workspace_argument(statistics.offset)};
  plan->add(std::move(apply));
  return plan;
}

std::unique_ptr<OpPlan> plan_group_norm_grad_steps(const flame::Op &op, const Target &target) {
  expect_attributes(op, {"groups", "activation", "weight_gradient"});
  NormShape shape = group_shape(op, op.input(1));
  shape.weight = op.input_count() > 4;
  shape.bias = op.input_count() > 5;
  auto plan = std::make_unique<KernelPlan>();
  const NormInputs inputs = {input_argument(0), input_argument(1),     input_argument(2),
                             input_argument(3), optional_input(op, 4), optional_input(op, 5)};
  const ChannelSums sums = add_channel_sums(*plan, shape, inputs, target);
  const uint64_t totals = add_image_totals(*plan, shape, sums, target);
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
