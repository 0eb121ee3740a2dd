#include "backends/cuda/shallow_product.h"

namespace flame::cuda {
namespace {

// Beyond these the library is as quick on an H200, or quicker.
constexpr int64_t kMostDepth = 32;
constexpr int64_t kMostElements = 10 << 20;  // of y, with 16 terms
constexpr int64_t kMostOfMoreTerms = 5 << 18;

constexpr int64_t kGroups = 2;  // of 32 columns, for a warp
constexpr int64_t kColumns = kGroups * 32;
constexpr int64_t kRowsOfWarp = 16;

bool is_even(int64_t step, flame_dtype dtype, int64_t bytes) {
  return step * FLAME_DTYPE_BYTES(dtype) % bytes == 0;
}

bool is_taken(const ProductShape &shape, const Target &target) {
  if (target.capability < 80 || shape.scaled || shape.batch != 1 || shape.alpha != 1) return false;
  if (shape.input != FLAME_DTYPE_BF16 && shape.input != FLAME_DTYPE_F16) return false;
  if (shape.addend != Addend::kNone && shape.addend != Addend::kMatrix) return false;
  if (shape.k % 16 != 0 || shape.k > kMostDepth || shape.n % kColumns != 0) return false;
  const int64_t most = shape.k > 16 ? kMostOfMoreTerms : kMostElements;
  if (shape.m * shape.n > most || shape.n / kColumns > kMostRows) return false;
  const bool left = shape.a.column == 1 && is_even(shape.a.row, shape.input, 8);
  const int64_t step = shape.b.row == 1 ? shape.b.column : shape.b.row;
  const bool right = (shape.b.row == 1 || shape.b.column == 1) && is_even(step, shape.input, 8);
  const bool out = shape.y.column == 1 && is_even(shape.y.row, shape.output, 16);
  if (shape.addend == Addend::kMatrix &&
      (shape.c.column != 1 || !is_even(shape.c.row, shape.output, 16)))
    return false;
  return left && right && out;
}

}  // namespace

std::optional<KernelLaunch> shallow_product_launch(const ProductShape &shape, uint32_t addend,
                                                   const Target &target) {
  if (!is_taken(shape, target)) return std::nullopt;
  const bool adds = shape.addend == Addend::kMatrix;
  const bool transposed = shape.b.row == 1;
  // Small blocks spread few rows over all multiprocessors.
  const int64_t warps = shape.m <= 512 || shape.k > 16 ? 2 : 4;
  Definitions made;
  made.type("T", shape.input).type("Y", shape.output);
  made.number("kRows", shape.m).number("kDepth", shape.k);
  made.number("kStepA", shape.a.row).number("kStepB", transposed ? shape.b.column : shape.b.row);
  made.number("kStepC", shape.c.row).number("kStepY", shape.y.row);
  made.flag("kTransposed", transposed).flag("kAdds", adds);
  made.number("kGroups", kGroups).number("kWarps", warps);
  KernelLaunch launch;
  launch.source = {"shallow_product.cu", made.text(), "shallow_product"};
  launch.threads = static_cast<uint32_t>(warps * 32);
  launch.blocks = block_count(shape.m, kRowsOfWarp * warps);
  launch.rows = static_cast<uint32_t>(shape.n / kColumns);
  launch.arguments = {input_argument(0), input_argument(1),
                      adds ? input_argument(addend) : output_argument(0), output_argument(0)};
  return launch;
}

}  // namespace flame::cuda
