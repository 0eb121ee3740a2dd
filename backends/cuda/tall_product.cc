#include "backends/cuda/tall_product.h"

#include <algorithm>

namespace flame::cuda {
namespace {

// Beyond these the library is as quick on an H200, or quicker.
constexpr int64_t kMostOfBlocks = 3 << 20;  // elements of the wider matrix
constexpr int64_t kMostOfClusters = 10 << 20;

constexpr int64_t kThin = 16;
// Up to here a block sums over all rows; beyond, a cluster of blocks shares them.
constexpr int64_t kRowsOfBlock = 2048;

// The matrix with 16 columns and the other: rows at these distances, columns 1 apart.
struct Sides {
  uint32_t thin_input, wide_input;
  int64_t wide;
  int64_t thin_step, wide_step;
};

struct Split {
  int64_t pack, warps, cluster, unrolled;
};

// Steps are of 16 rows.
Split split_of(int64_t rows) {
  const int64_t steps = (rows + 15) / 16;
  if (rows > kRowsOfBlock) return {4, steps > 512 ? 16 : 8, 8, 2};
  return {2, steps <= 16 ? 8 : 16, 1, std::clamp<int64_t>(steps / 16, 1, 4)};
}

std::optional<Sides> sides_of(const ProductShape &shape, const Target &target) {
  if (target.capability < (shape.k > kRowsOfBlock ? 90 : 80)) return std::nullopt;
  if (shape.scaled || shape.batch != 1 || shape.alpha != 1) return std::nullopt;
  if (shape.input != FLAME_DTYPE_BF16 && shape.input != FLAME_DTYPE_F16) return std::nullopt;
  if (shape.addend != Addend::kNone) return std::nullopt;
  if (shape.a.row != 1 || shape.b.column != 1 || shape.y.column != 1) return std::nullopt;
  if (shape.m != kThin && shape.n != kThin) return std::nullopt;
  Sides sides = {1, 0, shape.m, shape.b.row, shape.a.column};
  if (shape.m == kThin) sides = {0, 1, shape.n, shape.a.column, shape.b.row};
  const int64_t pack = split_of(shape.k).pack;
  if (sides.wide % (pack * 8) != 0 || sides.wide / (pack * 8) > kMostRows) return std::nullopt;
  const int64_t most = shape.k > kRowsOfBlock ? kMostOfClusters : kMostOfBlocks;
  if (sides.wide * shape.k > most) return std::nullopt;
  if (sides.thin_step % 4 != 0 || sides.wide_step % pack != 0) return std::nullopt;
  return sides;
}

}  // namespace

std::optional<KernelLaunch> tall_product_launch(const ProductShape &shape, const Target &target) {
  const std::optional<Sides> sides = sides_of(shape, target);
  if (!sides) return std::nullopt;
  const Split split = split_of(shape.k);
  Definitions made;
  made.type("T", shape.input).type("Y", shape.output).number("kDepth", shape.k);
  made.number("kStepThin", sides->thin_step).number("kStepWide", sides->wide_step);
  made.number("kStepY", shape.y.row).flag("kTransposed", sides->thin_input == 1);
  made.number("kPack", split.pack).number("kWarps", split.warps);
  made.number("kCluster", split.cluster).number("kUnrolled", split.unrolled);
  KernelLaunch launch;
  launch.source = {"tall_product.cu", made.text(), "tall_product"};
  launch.threads = static_cast<uint32_t>(split.warps * 32);
  launch.blocks = static_cast<uint32_t>(split.cluster);
  launch.rows = static_cast<uint32_t>(sides->wide / (split.pack * 8));
  launch.arguments = {input_argument(sides->thin_input), input_argument(sides->wide_input),
                      output_argument(0)};
  return launch;
}

}  // namespace flame::cuda
