// group_norm and its gradient: their steps and how they are laid over blocks.
#include <algorithm>

#include "backends/cuda/channel_sums.h"
#include "backends/cuda/norms.h"
#include "backends/cuda/reduction.h"
#include "flame/op_checks.hpp"

namespace flame::cuda {
namespace {

// So many elements are more than the GPU's cache holds.
constexpr int64_t kLarge = int64_t{16} << 20;
// Bytes of shared memory that a block has without leave.
constexpr int64_t kMostSharedBytes = 48 << 10;
constexpr int64_t kMostThreads = 1024;

int64_t whole_warps(int64_t threads) {
  return (threads + 31) / 32 * 32;
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
  if (shape.images == 0 || shape.places == 0 || shape.channels == 0)
    throw flame::unsupported(op.name(), " takes no empty tensors here");
  return shape;
}

// The last step of the gradient, which reads and writes everything.
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
  if (packs > kMostThreads) {
    throw flame::unsupported("group_norm_grad has ", shape.channels,
                             " channels here, which is more than its kernels take");
  }
  step.place_threads = 1;  // that share a pack: a power of two
  while (packs * step.place_threads * 2 <= 320 && step.place_threads * 2 <= shape.places)
    step.place_threads *= 2;
  step.threads = whole_warps(packs * step.place_threads);
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

// The mean and squares of each part of the places, in the workspace.
struct Statistics {
  uint64_t offset;
  int64_t parts;
  int64_t chunk;  // places of a part
};

// The most groups that a pack may meet.
int64_t groups_of_pack(int64_t width, int64_t vector) {
  if (width % vector == 0) return 1;
  return vector % width == 0 ? vector / width : (vector - 2) / width + 2;
}

// Neighbouring threads that join what a block holds of one group.
int64_t joining_lanes(int64_t groups, int64_t threads) {
  int64_t lanes = 1;
  while (lanes < 32 && lanes * 2 * groups <= threads) lanes *= 2;
  return lanes;
}

// The first step: a block holds all channels of some places.
Statistics add_statistics(KernelPlan &plan, const NormShape &shape, const Target &target) {
  const int64_t vector = vector_for(shape.channels, shape.dtype);
  const int64_t packs = shape.channels / vector;
  const int64_t width = shape.channels / shape.groups;
  // The sums of each are held in shared memory, with the groups' means.
  const int64_t pieces = groups_of_pack(width, vector);
  const int64_t place_threads =
      std::clamp<int64_t>((pieces > 4 ? 320 : 640) / packs, 1, shape.places);
  const int64_t held_bytes = packs * place_threads * pieces * FLAME_DTYPE_BYTES(FLAME_DTYPE_F64) +
                             shape.groups * FLAME_DTYPE_BYTES(sum_dtype(shape.dtype));
  if (packs > kMostThreads || held_bytes > kMostSharedBytes) {
    throw flame::unsupported("group_norm has ", shape.groups, " groups of ", width,
                             " channels here, which is more than its kernels take");
  }
  // Each block of the last step joins all parts of its groups: few of them, unless there is much to
  // read. Every thread of a part has as many places.
  const bool large = shape.images * shape.places * shape.channels >= kLarge;
  const int64_t most =
      std::max<int64_t>(target.multiprocessors * (large ? 2 : 1) / shape.images, 1);
  const int64_t rounds = (shape.places + place_threads - 1) / place_threads;
  Statistics made;
  made.chunk = std::max<int64_t>((rounds + most - 1) / most, 2) * place_threads;
  made.parts = (shape.places + made.chunk - 1) / made.chunk;
  const int64_t numbers = shape.images * made.parts * shape.groups * 2;
  made.offset = plan.reserve(
      static_cast<uint64_t>(numbers * int64_t{FLAME_DTYPE_BYTES(sum_dtype(shape.dtype))}));
  const int64_t threads = whole_warps(packs * place_threads);
  NormShape plain = shape;  // one kernel, whatever becomes of the statistics
  plain.weight = plain.bias = plain.silu = false;
  Definitions definitions = norm_definitions(plain, vector);
  definitions.number("kParts", made.parts).number("kChunk", made.chunk);
  definitions.number("kPlaceThreads", place_threads).number("kThreads", threads);
  // Where there is much to read, two blocks run on a multiprocessor.
  definitions.number("kLanes", joining_lanes(shape.groups, threads))
      .number("kBlocksAtOnce", large && threads <= 640 ? 2 : 1);
  KernelLaunch launch;
  launch.source = {"group_statistics.cu", definitions.text(), "group_statistics"};
  launch.threads = static_cast<uint32_t>(threads);
  launch.blocks = static_cast<uint32_t>(shape.images * made.parts);
  launch.arguments = {input_argument(0), workspace_argument(made.offset)};
  plan.add(std::move(launch));
  return made;
}

// The fewest packs that divide a row and are 128 bytes or more: what blocks of the second step have.
int64_t slab_packs_for(int64_t packs) {
  for (int64_t slab = 8; slab < packs; ++slab)
    if (packs % slab == 0) return slab;
  return packs;
}

// Blocks for each of so many slabs. One runs on a multiprocessor at a time, and begins with what takes
// as long as some places.
int64_t blocks_of_slab(int64_t slabs, int64_t places, const Target &target) {
  constexpr int64_t kPlacesOfBeginning = 256;
  int64_t blocks = 1;
  int64_t least = INT64_MAX;
  for (int64_t tried = 1; tried <= std::min<int64_t>(target.multiprocessors, places); ++tried) {
    const int64_t turns = (slabs * tried + target.multiprocessors - 1) / target.multiprocessors;
    const int64_t cost = turns * ((places + tried - 1) / tried + kPlacesOfBeginning);
    if (cost >= least) continue;
    blocks = tried;
    least = cost;
  }
  return blocks;
}

// The second step: a block holds a slab of channels of some places, and joins the statistics of few
// groups.
void add_application(KernelPlan &plan, const flame::Op &op, const NormShape &shape,
                     const Statistics &statistics, const Target &target) {
  const int64_t vector = vector_for(shape.channels, shape.dtype);
  const int64_t packs = slab_packs_for(shape.channels / vector);
  const int64_t slabs = shape.images * (shape.channels / vector / packs);
  const int64_t place_threads = std::clamp<int64_t>(512 / packs, 1, shape.places);
  const int64_t threads = whole_warps(packs * place_threads);
  int64_t blocks = blocks_of_slab(slabs, shape.places, target);
  const int64_t block_places = (shape.places + blocks - 1) / blocks;
  blocks = (shape.places + block_places - 1) / block_places;
  Definitions made = norm_definitions(shape, vector);
  made.number("kParts", statistics.parts).number("kChunk", statistics.chunk);
  made.number("kSlabPacks", packs).number("kPlaceThreads", place_threads);
  made.number("kThreads", threads);
  made.number("kBlocks", blocks).number("kBlockPlaces", block_places);
  made.real("kEpsilon", op.attributes().number("eps"));
  KernelLaunch launch;
  launch.source = {"group_norm.cu", made.text(), "group_norm"};
  launch.threads = static_cast<uint32_t>(threads);
  launch.blocks = static_cast<uint32_t>(slabs * blocks);
  launch.overlaps = target.capability >= 90;
  launch.arguments = {input_argument(0),
                      optional_input(op, 1),
                      optional_input(op, 2),
                      output_argument(0),
                      output_argument(1),
                      output_argument(2),
                      workspace_argument(statistics.offset)};
  plan.add(std::move(launch));
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
  const Statistics statistics = add_statistics(*plan, shape, target);
  add_application(*plan, op, shape, statistics, target);
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
