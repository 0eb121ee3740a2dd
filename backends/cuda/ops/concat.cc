// concat: tensors one behind the other along an axis; a copy of each, many in one launch.
#include <algorithm>

#include "backends/cuda/elementwise.h"
#include "flame/op_checks.hpp"

namespace flame::cuda {
namespace {

constexpr int64_t kThreads = 256;
constexpr int64_t kMostBlocks = 64;  // for one part
constexpr int64_t kPacksEach = 4;    // of 16 bytes, for a thread of a part that is not too large
// Of one launch: few sizes, so that few kernels are compiled.
constexpr int64_t kFewParts = 8;
constexpr int64_t kManyParts = 248;

struct Part {
  uint32_t input;
  int64_t width;  // elements of a row of the answer
};

// The parts from `first` on that go into one launch, behind `before` elements of a row.
KernelLaunch launch_of(const flame_tensor &y, int64_t outer, int64_t row, int64_t before,
                       const Part *first, int64_t count, int64_t parts) {
  const int64_t element = FLAME_DTYPE_BYTES(y.dtype);
  const int64_t vector = 16 / element;
  Definitions made;
  made.line(index_types(outer * row > INT32_MAX / 2));
  made.type("T", y.dtype).number("kParts", parts).number("kVector", vector);
  made.number("kThreads", kThreads);
  KernelLaunch launch;
  launch.source = {"concat.cu", made.text(), "concat"};
  launch.threads = kThreads;
  launch.rows = static_cast<uint32_t>(count);
  launch.arguments = {output_argument(0), number_argument(outer), number_argument(row)};
  int64_t widest = 0;
  for (int64_t i = 0; i < parts; ++i) {
    launch.arguments.push_back(i < count ? input_argument(first[i].input) : number_argument(0));
    if (i < count) widest = std::max(widest, first[i].width);
  }
  for (int64_t i = 0; i <= parts; ++i) {
    launch.arguments.push_back(number_argument(before));
    if (i < count) before += first[i].width;
  }
  launch.blocks = block_count(outer * widest, kThreads * vector * kPacksEach, kMostBlocks);
  return launch;
}

// The parts that have elements; none if one of them is strided.
std::vector<Part> dense_parts(const flame::Op &op, size_t axis, int64_t inner) {
  std::vector<Part> parts;
  for (uint32_t i = 0; i < op.input_count(); ++i) {
    const flame_tensor &x = op.input(i);
    if (flame::element_count(x) == 0) continue;
    if (!flame::is_contiguous(x)) return {};
    parts.push_back({i, x.shape[axis] * inner});
  }
  return flame::is_contiguous(op.output(0)) ? parts : std::vector<Part>();
}

void add_copies(const flame::Op &op, size_t axis, KernelPlan &plan) {
  const flame_tensor &y = op.output(0);
  int64_t before = 0;
  for (uint32_t i = 0; i < op.input_count(); ++i) {
    const flame_tensor &x = op.input(i);
    const Sizes shape = sizes_of(x);
    const ElementwiseView part = {0, y.dtype, strides_of(y), before * y.strides[axis]};
    plan.add(elementwise_launch("-> x0", {shape, {whole_view(i, x, shape)}, {part}}));
    before += x.shape[axis];
  }
}

}  // namespace

std::unique_ptr<OpPlan> plan_concat(const flame::Op &op, const Target &) {
  expect_attributes(op, {"axis"});
  const flame_tensor &y = op.output(0);
  const auto axis = static_cast<size_t>(op.attributes().integer("axis"));
  int64_t outer = 1, inner = 1;
  for (size_t i = 0; i < y.rank; ++i) {
    if (i < axis) outer *= y.shape[i];
    if (i > axis) inner *= y.shape[i];
  }
  auto plan = std::make_unique<KernelPlan>();
  const std::vector<Part> parts = dense_parts(op, axis, inner);
  if (parts.size() < 2) {
    add_copies(op, axis, *plan);
    return plan;
  }
  const auto count = static_cast<int64_t>(parts.size());
  int64_t before = 0;
  for (int64_t first = 0; first < count; first += kManyParts) {
    const int64_t taken = std::min(count - first, kManyParts);
    plan->add(launch_of(y, outer, y.shape[axis] * inner, before, &parts[static_cast<size_t>(first)],
                        taken, taken > kFewParts ? kManyParts : kFewParts));
    for (int64_t i = 0; i < taken; ++i) before += parts[static_cast<size_t>(first + i)].width;
  }
  return plan;
}

}  // namespace flame::cuda
