#include "backends/cuda/rows.h"

#include <algorithm>
#include <bit>

namespace flame::cuda {
namespace {

constexpr int64_t kHeldElements = 40;  // of one tensor's row, in a thread's registers

Sizes without(Sizes sizes, size_t axis) {
  sizes.erase(sizes.begin() + static_cast<int64_t>(axis));
  return sizes;
}

}  // namespace

RowKernel::RowKernel(const Sizes &shape, size_t axis, flame_dtype dtype)
    : shape_(shape), axis_(axis), row_sizes_(without(shape, axis)), dtype_(dtype), row_count_(1) {
  for (const int64_t size : row_sizes_) row_count_ *= size;
  vector_ = std::min<int64_t>(16 / FLAME_DTYPE_BYTES(dtype), 8);
  while (vector_ > 1 && shape[axis] % vector_ != 0) vector_ /= 2;
}

void RowKernel::add(const std::string &name, const flame_tensor &tensor) {
  const Sizes strides = broadcast_strides(tensor, shape_);
  const Axes rows = merged_axes(row_sizes_, {without(strides, axis_)});
  const int64_t step = strides[axis_];
  wide_ = wide_ || needs_wide_index(rows) || needs_wide_index({{shape_[axis_], {step}}});
  offsets_ += offset_function("row_" + name, rows, 0);
  offsets_ += flame::text("constexpr int step_", name, " = ", step, ";\n");
  // Packs must not straddle: rows begin at whole packs, or each thread goes element by element.
  const auto begins_whole = [&] {
    for (const Axis &axis : rows)
      if (axis.strides[0] % vector_ != 0) return false;
    return true;
  };
  while (vector_ > 1 && step == 1 && !begins_whole()) vector_ /= 2;
}

void RowKernel::add_scalars(const std::string &name) {
  offsets_ += flame::text("inline Index row_", name, "(Index r) { return r; }\n");
}

KernelLaunch RowKernel::launch(const char *file, const char *entry,
                               std::vector<Argument> arguments) {
  const int64_t columns = shape_[axis_];
  const int64_t packs = std::max<int64_t>(columns / vector_, 1);
  const int64_t trips_held = std::max<int64_t>(kHeldElements / vector_, 1);
  // As few threads as can hold the row; at least a warp unless the row is shorter.
  int64_t group =
      std::min<int64_t>(32, static_cast<int64_t>(std::bit_ceil(static_cast<uint64_t>(packs))));
  while (group < 1024 && packs > group * trips_held) group *= 2;
  // Half a warp where it holds the row without idle threads: more is on its way at a time.
  if (group == 32 && packs % 32 == 16 && packs / 16 <= trips_held) group = 16;
  const bool held = packs <= group * trips_held;
  const int64_t threads = std::max<int64_t>(group, 128);
  Definitions made;
  made.line(index_types(wide_ || row_count_ > INT32_MAX));
  made.number("kColumns", columns).number("kVector", vector_).number("kGroup", group);
  // A block that holds several rows joins within warps alone.
  made.number("kThreads", group > 32 ? group : threads).flag("kHeld", held);
  made.number("kUnroll", held ? trips_held : 1);
  made.line(offsets_).line(definitions_.text());
  KernelLaunch launch;
  launch.source = {file, made.text(), entry};
  launch.threads = static_cast<uint32_t>(group > 32 ? group : threads);
  launch.blocks = columns == 0 ? 0 : block_count(row_count_, launch.threads / group);
  arguments.push_back(number_argument(row_count_));
  launch.arguments = std::move(arguments);
  return launch;
}

}  // namespace flame::cuda
