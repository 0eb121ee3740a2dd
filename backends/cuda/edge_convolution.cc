#include "backends/cuda/edge_convolution.h"

#include <algorithm>

namespace flame::cuda {
namespace {

constexpr int64_t kThreads = 256;
constexpr int64_t kFew = 4;
constexpr int64_t kMany = 512;
constexpr int64_t kWide = 32;  // places of a tile's row
constexpr int64_t kMostDown = 16;
constexpr int64_t kMostStages = 4;
constexpr int64_t kLeastDown = 8;  // a row for each warp

// What is read and written, whichever of image and result that is.
struct Sides {
  const std::vector<int64_t> &from, &to;
  bool backward;
  int64_t top, left;

  explicit Sides(const ConvolutionShape &shape)
      : from(shape.kind == Convolution::kForward ? shape.image : shape.result),
        to(shape.kind == Convolution::kForward ? shape.result : shape.image),
        backward(shape.kind == Convolution::kInputGrad),
        top(backward ? shape.weight[1] - 1 - shape.padding[0] : shape.padding[0]),
        left(backward ? shape.weight[2] - 1 - shape.padding[2] : shape.padding[2]) {}
};

bool is_taken(const ConvolutionShape &shape, const Sides &sides) {
  if (shape.dtype != FLAME_DTYPE_BF16 && shape.dtype != FLAME_DTYPE_F16) return false;
  if (shape.kind == Convolution::kWeightGrad || shape.groups != 1) return false;
  for (const std::vector<int64_t> *steps : {&shape.stride, &shape.dilation})
    if ((*steps)[0] != 1 || (*steps)[1] != 1) return false;
  if (shape.weight[1] > 3 || shape.weight[2] > 3) return false;
  for (const std::vector<int64_t> *sizes : {&sides.from, &sides.to}) {
    int64_t places = 1;
    for (size_t axis = 0; axis < 3; ++axis) places *= (*sizes)[axis];
    if (places == 0 || places > INT32_MAX) return false;
  }
  const int64_t few = std::min(sides.from[3], sides.to[3]);
  const int64_t many = std::max(sides.from[3], sides.to[3]);
  return few >= 1 && few <= kFew && many % 32 == 0 && many <= kMany && many > kFew;
}

// Places that a tile writes.
struct Tile {
  int64_t down, across;
};
Tile tile_of(const ConvolutionShape &shape, const Sides &sides, int64_t rows) {
  if (sides.to[3] > kFew) return {rows, kWide};
  return {rows - shape.weight[1] + 1, kWide - shape.weight[2] + 1};
}
int64_t tile_count(const Sides &sides, const Tile &tile) {
  return sides.to[0] * ((sides.to[1] + tile.down - 1) / tile.down) *
         ((sides.to[2] + tile.across - 1) / tile.across);
}

// Shared memory of a block at most.
int64_t shared_limit(const Target &target) {
  if (target.capability >= 90 && target.capability < 120) return int64_t{227} << 10;
  return int64_t{target.capability == 80 ? 163 : 99} << 10;
}

int64_t shared_size(const ConvolutionShape &shape, const Sides &sides, int64_t rows,
                    int64_t stages) {
  const int64_t taps = shape.weight[1] * shape.weight[2];
  const int64_t channels = sides.from[3];
  const int64_t filters = sides.to[3];
  int64_t size = 0;
  if (filters <= kFew) {
    const int64_t shares = taps * filters;
    const int64_t part = channels % 64 == 0 ? 64 : 32;
    size = channels / 16 * ((shares + 7) / 8) * 256 + rows * kWide * (shares | 1) * 4 +
           kThreads / 32 * stages * kWide * (part + 8) * 2;
  } else {
    const int64_t steps = (taps * channels + 15) / 16;
    const int64_t piece = filters % 64 == 0 ? 64 : 32;
    size = filters / 8 * steps * 256 + kThreads / 32 * kWide * (piece + 32) * 2 +
           (rows + shape.weight[1] - 1) * (kWide + shape.weight[2] - 1) * channels * 2;
  }
  return size;
}

}  // namespace

std::optional<KernelLaunch> edge_convolution_launch(const ConvolutionShape &shape,
                                                    const Target &target) {
  const Sides sides(shape);
  if (!is_taken(shape, sides)) return std::nullopt;
  int64_t rows = kMostDown;
  while (rows > kLeastDown &&
         tile_count(sides, tile_of(shape, sides, rows)) < target.multiprocessors)
    rows /= 2;
  // As much on its way as the chip has room for.
  const int64_t limit = shared_limit(target);
  int64_t stages = kMostStages;
  while (stages > 2 && shared_size(shape, sides, rows, stages) > limit) --stages;
  if (shared_size(shape, sides, rows, stages) > limit) rows = kLeastDown;
  if (shared_size(shape, sides, rows, stages) > limit) return std::nullopt;
  const int64_t tiles = tile_count(sides, tile_of(shape, sides, rows));
  Definitions made;
  made.type("T", shape.dtype).number("kImages", sides.from[0]);
  made.number("kHeight", sides.from[1]).number("kWidth", sides.from[2]);
  made.number("kChannels", sides.from[3]).number("kFilters", sides.to[3]);
  made.number("kDown", sides.to[1]).number("kAcross", sides.to[2]);
  made.number("kRows", shape.weight[1]).number("kColumns", shape.weight[2]);
  made.number("kTop", sides.top).number("kLeft", sides.left);
  made.line(
      sides.backward
          ? "inline int weight_at(int filter, int r, int s, int channel) { return ((channel * "
            "kRows + kRows - 1 - r) * kColumns + kColumns - 1 - s) * kFilters + filter; }"
          : "inline int weight_at(int filter, int r, int s, int channel) { return ((filter * "
            "kRows + r) * kColumns + s) * kChannels + channel; }");
  made.flag("kBias", shape.bias).number("kThreads", kThreads).number("kTileDown", rows);
  made.number("kStages", stages);
  KernelLaunch launch;
  launch.source = {"edge_convolution.cu", made.text(), "edge_convolution"};
  launch.threads = kThreads;
  launch.shared_bytes = static_cast<uint32_t>(shared_size(shape, sides, rows, stages));
  const int64_t together = std::clamp<int64_t>(limit / (launch.shared_bytes + 1024), 1, 2);
  launch.blocks = block_count(tiles, 1, target.multiprocessors * together);
  launch.arguments = {input_argument(0), input_argument(1),
                      shape.bias ? input_argument(2) : number_argument(0), output_argument(0),
                      number_argument(tiles)};
  return launch;
}

}  // namespace flame::cuda
