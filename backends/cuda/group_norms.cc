// group_norm and its gradient: their steps and how they are laid over blocks.
#include <algorithm>

#include "backends/cuda/axes.h"
#include "backends/cuda/channel_sums.h"
#include "backends/cuda/norms.h"
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

constexpr uint32_t kAddend = 6;  // of the gradient

NormShape group_shape(const flame::Op &op, const flame_tensor &x) {
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

// What the first step leaves in the workspace: two numbers for each group of each part of the places.
struct Parts {
  uint64_t offset;
  int64_t count;
  int64_t chunk;  // places of a part
};

// Adds the first step, whose file, entry and inputs `launch` names: a block holds all channels of some
// places. What it leaves is its last argument.
Parts add_parts(KernelPlan &plan, const flame::Op &op, const NormShape &shape, KernelLaunch launch,
                const Target &target) {
  const int64_t vector = vector_for(shape.channels, shape.dtype);
  const int64_t packs = shape.channels / vector;
  const int64_t width = shape.channels / shape.groups;
  // The sums of each are held in shared memory, with the groups' means.
  const int64_t pieces = groups_of_pack(width, vector);
  const int64_t place_threads =
      std::clamp<int64_t>((pieces > 4 ? 320 : 640) / packs, 1, shape.places);
  const int64_t number_bytes = FLAME_DTYPE_BYTES(sum_dtype(shape.dtype));
  const int64_t held_bytes =
      packs * place_threads * pieces * 2 * number_bytes + shape.groups * number_bytes;
  if (packs > kMostThreads || held_bytes > kMostSharedBytes) {
    throw flame::unsupported(op.name(), " has ", shape.groups, " groups of ", width,
                             " channels here, which is more than its kernels take");
  }
  // Each block of the last step joins all parts of its groups: few of them, unless there is much to
  // read. Every thread of a part has as many places.
  const bool large = shape.images * shape.places * shape.channels >= kLarge;
  const int64_t most =
      std::max<int64_t>(target.multiprocessors * (large ? 2 : 1) / shape.images, 1);
  const int64_t rounds = (shape.places + place_threads - 1) / place_threads;
  Parts made;
  made.chunk = std::max<int64_t>((rounds + most - 1) / most, 2) * place_threads;
  made.count = (shape.places + made.chunk - 1) / made.chunk;
  const int64_t numbers = shape.images * made.count * shape.groups * 2;
  made.offset = plan.reserve(static_cast<uint64_t>(numbers * number_bytes));
  const int64_t threads = whole_warps(packs * place_threads);
  Definitions definitions = norm_definitions(shape, vector);
  definitions.number("kParts", made.count).number("kChunk", made.chunk);
  definitions.number("kPlaceThreads", place_threads).number("kThreads", threads);
  // Where there is much to read, two blocks run on a multiprocessor.
  definitions.number("kLanes", joining_lanes(shape.groups, threads))
      .number("kBlocksAtOnce", large && threads <= 640 ? 2 : 1);
  launch.source.definitions = definitions.text();
  launch.threads = static_cast<uint32_t>(threads);
  launch.blocks = static_cast<uint32_t>(shape.images * made.count);
  launch.arguments.push_back(workspace_argument(made.offset));
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

// Adds the second step, whose file, entry, inputs, outputs and own definitions `launch` names: a block
// holds a slab of channels of some places, and joins the parts of few groups. These are its last argument.
void add_slabs(KernelPlan &plan, const NormShape &shape, const Parts &parts, KernelLaunch launch,
               const Target &target) {
  const int64_t vector = vector_for(shape.channels, shape.dtype);
  const int64_t packs = slab_packs_for(shape.channels / vector);
  const int64_t slabs = shape.images * (shape.channels / vector / packs);
  const int64_t place_threads = std::clamp<int64_t>(512 / packs, 1, shape.places);
  const int64_t threads = whole_warps(packs * place_threads);
  int64_t blocks = blocks_of_slab(slabs, shape.places, target);
  const int64_t block_places = (shape.places + blocks - 1) / blocks;
  blocks = (shape.places + block_places - 1) / block_places;
  Definitions made = norm_definitions(shape, vector);
  made.number("kParts", parts.count).number("kChunk", parts.chunk);
  made.number("kSlabPacks", packs).number("kPlaceThreads", place_threads);
  made.number("kThreads", threads);
  made.number("kBlocks", blocks).number("kBlockPlaces", block_places);
  launch.source.definitions = made.text() + launch.source.definitions;
  launch.threads = static_cast<uint32_t>(threads);
  launch.blocks = static_cast<uint32_t>(slabs * blocks);
  launch.overlaps = target.capability >= 90;
  launch.arguments.push_back(workspace_argument(parts.offset));
  plan.add(std::move(launch));
}

// From a place of the addend to the next, in elements.
int64_t addend_step(const flame::Op &op) {
  const flame_tensor &addend = op.input(kAddend);
  Sizes sizes = sizes_of(addend);
  Sizes strides = strides_of(addend);
  const bool dense = sizes.back() == 1 || strides.back() == 1;
  const int64_t channels = sizes.back();
  sizes.pop_back();
  strides.pop_back();
  const Axes places = merged_axes(sizes, {strides});
  if (places.empty() && dense) return channels;
  if (places.size() == 1 && dense) return places[0].strides[0];
  throw flame::unsupported(op.name(), " needs an addend whose places lie evenly apart, but it is ",
                           flame::to_text(addend));
}

}  // namespace

std::unique_ptr<OpPlan> plan_group_norm_steps(const flame::Op &op, const Target &target) {
  expect_attributes(op, {"groups", "activation", "eps"});
  expect_all_contiguous(op);
  NormShape shape = group_shape(op, op.input(0));
  shape.weight = op.input_count() > 1;
  shape.bias = op.input_count() > 2;
  auto plan = std::make_unique<KernelPlan>();
  NormShape plain = shape;  // one kernel, whatever becomes of the statistics
  plain.weight = plain.bias = plain.silu = false;
  KernelLaunch statistics;
  statistics.source = {"group_statistics.cu", "", "group_statistics"};
  statistics.arguments = {input_argument(0)};
  const Parts parts = add_parts(*plan, op, plain, std::move(statistics), target);
  KernelLaunch apply;
  apply.source = {"group_norm.cu",
                  Definitions().real("kEpsilon", op.attributes().number("eps")).text(),
                  "group_norm"};
  apply.arguments = {input_argument(0),  optional_input(op, 1), optional_input(op, 2),
                     output_argument(0), output_argument(1),    output_argument(2)};
  add_slabs(*plan, shape, parts, std::move(apply), target);
  return plan;
}

std::unique_ptr<OpPlan> plan_group_norm_grad_steps(const flame::Op &op, const Target &target) {
  expect_attributes(op, {"groups", "activation", "weight_gradient"});
  expect_all_contiguous(op, kAddend);
  NormShape shape = group_shape(op, op.input(1));
  shape.weight = op.input_count() > 4;
  shape.bias = op.input_count() > 5;
  auto plan = std::make_unique<KernelPlan>();
  const NormInputs inputs = {input_argument(0), input_argument(1),     input_argument(2),
                             input_argument(3), optional_input(op, 4), optional_input(op, 5)};
  if (op.output_count() > 1) {
    const ChannelSums sums = add_channel_sums(*plan, shape, inputs, target);
    for (uint32_t i = 1; i < op.output_count(); ++i)
      add_channel_total(*plan, shape, sums, static_cast<int>(i) - 1, output_argument(i),
                        op.output(i).dtype, target);
  }
  KernelLaunch add_up;
  add_up.source = {"group_grad_sums.cu", "", "group_grad_sums"};
  add_up.arguments = {inputs.dy, inputs.x, inputs.mean, inputs.rstd, inputs.weight, inputs.bias};
  const Parts parts = add_parts(*plan, op, shape, std::move(add_up), target);
  const bool adds = op.input_count() > kAddend;
  if (adds) plan->info.in_place_mask = uint64_t{1} << kAddend;
  Definitions own;
  own.flag("kAddend", adds).number("kAddendStep", adds ? addend_step(op) : 0);
  KernelLaunch apply;
  apply.source = {"group_norm_grad.cu", own.text(), "group_norm_grad"};
  apply.arguments = {inputs.dy,
                     inputs.x,
                     inputs.mean,
                     inputs.rstd,
                     inputs.weight,
                     inputs.bias,
                     optional_input(op, kAddend),
                     output_argument(0)};
  add_slabs(*plan, shape, parts, std::move(apply), target);
  return plan;
}

}  // namespace flame::cuda
