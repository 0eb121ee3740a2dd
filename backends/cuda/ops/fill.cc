// fill: one number everywhere.
#include <cmath>
#include <cstring>
#include <limits>

#include "backends/cuda/elementwise.h"
#include "flame/op_checks.hpp"
#include "flame/small_floats.hpp"

namespace flame::cuda {
namespace {

constexpr int64_t kThreads = 256;

template <typename Integer>
Integer whole(double value) {
  if (std::isnan(value)) return 0;
  if (value <= static_cast<double>(std::numeric_limits<Integer>::min()))
    return std::numeric_limits<Integer>::min();
  if (value >= static_cast<double>(std::numeric_limits<Integer>::max()))
    return std::numeric_limits<Integer>::max();
  return static_cast<Integer>(value);
}

template <typename T>
uint64_t bits_of(T value) {
  uint64_t bits = 0;
  std::memcpy(&bits, &value, sizeof value);
  return bits;
}

// The bits of `value`, stored as the op map stores.
uint64_t stored_bits(double value, flame_dtype dtype) {
  switch (dtype) {
    case FLAME_DTYPE_F64:
      return bits_of(value);
    case FLAME_DTYPE_F32:
      return bits_of(static_cast<float>(value));
    case FLAME_DTYPE_F16:
      return encode_float(kFormatF16, value);
    case FLAME_DTYPE_BF16:
      return encode_float(kFormatBF16, value);
    case FLAME_DTYPE_F8_E4M3:
      return encode_float(kFormatF8E4M3, value);
    case FLAME_DTYPE_F8_E5M2:
      return encode_float(kFormatF8E5M2, value);
    case FLAME_DTYPE_I64:
      return bits_of(whole<int64_t>(value));
    case FLAME_DTYPE_I32:
      return bits_of(whole<int32_t>(value));
    case FLAME_DTYPE_U8:
      return bits_of(whole<uint8_t>(value));
    default:
      return value != 0 ? 1 : 0;
  }
}

}  // namespace

std::unique_ptr<OpPlan> plan_fill(const flame::Op &op, const Target &) {
  expect_attributes(op, {"shape", "value", "dtype"});
  const flame_tensor &y = op.output(0);
  const Axes axes = merged_axes(sizes_of(y), {strides_of(y)}, AxisOrder::kByFirst);
  const int64_t count = element_count(axes);
  const bool dense = axes.empty() || (axes.size() == 1 && axes[0].strides[0] == 1);
  const int64_t vector = dense ? 16 / FLAME_DTYPE_BYTES(y.dtype) : 1;
  Definitions made;
  made.line(index_types(needs_wide_index(axes))).type("T", y.dtype);
  made.line(offset_function("offset_y", axes, 0)).flag("kDense", dense);
  made.number("kVector", vector).number("kThreads", kThreads);
  made.line(flame::text("constexpr unsigned long long kBits = ",
                        stored_bits(op.attributes().number("value"), y.dtype), "ull;"));
  auto plan = std::make_unique<KernelPlan>();
  KernelLaunch launch;
  launch.source = {"fill.cu", made.text(), "fill"};
  launch.threads = kThreads;
  launch.blocks = block_count(count, kThreads * vector);
  launch.arguments = {output_argument(0), number_argument(count)};
  plan->add(std::move(launch));
  return plan;
}

}  // namespace flame::cuda
