#include "backends/cuda/thin_product.h"

#include <algorithm>

namespace flame::cuda {
namespace {

// Beyond these the library is as quick on an H200, or quicker.
constexpr int64_t kMostColumns = 16;
constexpr int64_t kMostTerms = 6 << 20;  // elements of a

constexpr int64_t kRowsOfBlock = 16;
constexpr int64_t kStep = 32;  // terms of the sum that a warp takes at a time
constexpr int64_t kMostWarps = 16;

bool is_taken(const ProductShape &shape, const Target &target) {
  if (target.capability < 80 || shape.scaled || shape.batch != 1) return false;
  if (shape.input != FLAME_DTYPE_BF16 && shape.input != FLAME_DTYPE_F16) return false;
  if (shape.addend != Addend::kNone || shape.alpha != 1) return false;
  if (shape.n > kMostColumns || shape.n % 8 != 0 || shape.k % kStep != 0) return false;
  if (shape.m * shape.k > kMostTerms) return false;
  const bool rows = shape.a.column == 1 && shape.a.row % 8 == 0 && shape.y.column == 1;
  const bool transposed = shape.b.row == 1 && shape.b.column % 8 == 0;
  return rows && (transposed || (shape.b.column == 1 && shape.b.row % 2 == 0));
}

}  // namespace

std::optional<KernelLaunch> thin_product_launch(const ProductShape &shape, const Target &target) {
  if (!is_taken(shape, target)) return std::nullopt;
  const bool transposed = shape.b.row == 1;
  // Two steps at least for each warp.
  const int64_t warps = std::clamp<int64_t>(shape.k / kStep / 2, 1, kMostWarps);
  Definitions made;
  made.type("T", shape.input).type("Y", shape.output);
  made.number("kRows", shape.m).number("kColumns", shape.n).number("kDepth", shape.k);
  made.number("kStepA", shape.a.row).number("kStepY", shape.y.row);
  made.number("kStepB", transposed ? shape.b.column : shape.b.row);
  made.flag("kTransposed", transposed).number("kWarps", warps);
  KernelLaunch launch;
  launch.source = {"thin_product.cu", made.text(), "thin_product"};
  launch.threads = static_cast<uint32_t>(warps * 32);
  launch.blocks = block_count(shape.m, kRowsOfBlock);
  launch.arguments = {input_argument(0), input_argument(1), output_argument(0)};
  return launch;
}

}  // namespace flame::cuda
