#include "backends/cuda/channel_sums.h"

#include <algorithm>
#include <bit>

#include "backends/cuda/reduction.h"

namespace flame::cuda {
namespace {

constexpr int64_t kThreads = 256;

}  // namespace

flame_dtype sum_dtype(flame_dtype dtype) {
  return dtype == FLAME_DTYPE_F64 ? FLAME_DTYPE_F64 : FLAME_DTYPE_F32;
}

Definitions norm_definitions(const NormShape &shape, int64_t vector) {
  Definitions made;
  made.line(index_types(shape.images * shape.places * shape.channels > (INT32_MAX >> 1)));
  made.type("X", shape.dtype).alias("A", accumulator_type(shape.dtype));
  made.number("kImages", shape.images).number("kPlaces", shape.places);
  made.number("kChannels", shape.channels).number("kStatistics", shape.groups);
  made.number("kVector", vector).flag("kCentered", shape.centered).flag("kSilu", shape.silu);
  made.flag("kWeight", shape.weight).flag("kBias", shape.bias);
  return made;
}

ChannelSums add_channel_sums(KernelPlan &plan, const NormShape &shape, const NormInputs &inputs,
                             const Target &target) {
  int64_t vector = std::min<int64_t>(16 / FLAME_DTYPE_BYTES(shape.dtype), 4);
  while (vector > 1 && shape.channels % vector != 0) vector /= 2;
  const int64_t packs = shape.channels / vector;
  const auto kept = std::min<int64_t>(
      32, static_cast<int64_t>(std::bit_ceil(static_cast<uint64_t>(std::max<int64_t>(packs, 1)))));
  const int64_t lanes = kThreads / kept;
  const int64_t blocks = (packs + kept - 1) / kept;
  // Four steps of each thread at least, and as many blocks as keep the GPU busy.
  const int64_t wanted = int64_t{target.multiprocessors} * 4 / (blocks * shape.images) + 1;
  int64_t parts = std::clamp<int64_t>(shape.places / (lanes * 4), 1, std::max<int64_t>(wanted, 1));
  const int64_t chunk = std::max<int64_t>((shape.places + parts - 1) / parts, 1);
  parts = std::max<int64_t>((shape.places + chunk - 1) / chunk, 1);
  if (shape.images * parts > 65535) {
    throw flame::unsupported("the gradient of a norm takes 65535 images at most, not ",
                             shape.images);
  }
  const int64_t bytes = FLAME_DTYPE_BYTES(sum_dtype(shape.dtype));
  const uint64_t offset =
      plan.reserve(static_cast<uint64_t>(2 * shape.images * parts * shape.channels * bytes));
  Definitions made = norm_definitions(shape, vector);
  made.number("kParts", parts).number("kChunk", chunk);
  made.number("kKeptThreads", kept).number("kPlaceThreads", lanes);
  KernelLaunch launch;
  launch.source = {"channel_sums.cu", made.text(), "channel_sums"};
  launch.threads = kThreads;
  launch.blocks = static_cast<uint32_t>(blocks);
  launch.rows = static_cast<uint32_t>(shape.images * parts);
  launch.arguments = {inputs.dy,
                      inputs.x,
                      inputs.mean,
                      inputs.rstd,
                      inputs.weight,
                      inputs.bias,
                      workspace_argument(offset)};
  plan.add(std::move(launch));
  return {offset, parts};
}

void add_channel_total(KernelPlan &plan, const NormShape &shape, const ChannelSums &sums, int which,
                       Argument to, flame_dtype dtype, const Target &target) {
  const int64_t rows = shape.images * sums.parts;
  const flame_dtype held = sum_dtype(shape.dtype);
  const auto before =
      static_cast<uint64_t>(which * rows * shape.channels * int64_t{FLAME_DTYPE_BYTES(held)});
  add_reduction(plan,
                {"sum",
                 workspace_argument(sums.offset + before),
                 held,
                 to,
                 dtype,
                 {{shape.channels, {1, 1}}},
                 {{rows, {shape.channels}}}},
                target);
}

}  // namespace flame::cuda
