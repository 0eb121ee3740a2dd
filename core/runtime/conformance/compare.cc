#include "core/runtime/conformance/compare.h"

#include <fmt/core.h>

#include <cmath>
#include <cstring>

#include "core/tensor/numbers.h"

namespace flame::conformance {
namespace {

// Half the distance of neighbouring numbers at 1: what one rounding to nearest may cost.
double unit_roundoff(DType dtype) {
  switch (dtype) {
    case DType::kF16:
      return 0x1p-11;
    case DType::kBF16:
      return 0x1p-8;
    case DType::kF8E4M3:
      return 0x1p-4;
    case DType::kF8E5M2:
      return 0x1p-3;
    default:
      return 0;
  }
}

// The smallest number with the type's full precision.
double least_normal(DType dtype) {
  if (dtype == DType::kF16 || dtype == DType::kF8E5M2) return 0x1p-14;
  if (dtype == DType::kF8E4M3) return 0x1p-6;
  return dtype == DType::kF64 ? 0x1p-1022 : 0x1p-126;
}

std::string place_text(const Shape &shape, size_t element) {
  std::vector<int64_t> index(shape.rank());
  auto rest = static_cast<int64_t>(element);
  for (size_t axis = shape.rank(); axis-- > 0;) {
    index[axis] = rest % shape[axis];
    rest /= shape[axis];
  }
  std::string text;
  for (const int64_t i : index) text += (text.empty() ? "" : ", ") + std::to_string(i);
  return "[" + text + "]";
}

std::string element_text(const Shape &shape, size_t element, double seen, double expected) {
  return fmt::format("at {}: {:.9g}, expected {:.9g}", place_text(shape, element), seen, expected);
}

// Sums over all elements whose oracle is finite.
class Measure {
 public:
  void add(double expected, double seen) {
    const double error = seen - expected;
    error_ += error * error;
    expected_ += expected * expected;
    seen_ += seen * seen;
    product_ += expected * seen;
    max_absolute_ = std::fmax(max_absolute_, std::fabs(error));
    ++count_;
    expected_zeros_ += expected == 0;
    seen_zeros_ += seen == 0;
  }

  void finish(Difference &difference) const {
    difference.max_absolute = max_absolute_;
    difference.mistrusted =
        count_ >= 10 && seen_zeros_ * 10 >= count_ * 9 && expected_zeros_ * 10 <= count_ * 5;
    if (expected_ == 0) {
      difference.norm_relative = difference.norm_ratio = seen_ == 0 ? 0 : 1;
      return;
    }
    difference.norm_relative = std::sqrt(error_ / expected_);
    difference.norm_ratio = std::fabs(std::sqrt(seen_ / expected_) - 1);
    const double norms = std::sqrt(expected_ * seen_);
    difference.one_minus_cosine = norms > 0 ? 1 - product_ / norms : 1;
  }

 private:
  double error_ = 0, expected_ = 0, seen_ = 0, product_ = 0, max_absolute_ = 0;
  size_t count_ = 0, expected_zeros_ = 0, seen_zeros_ = 0;
};

double rounded(DType dtype, double number) {
  std::byte bytes[8];
  store_number(dtype, number, bytes);
  return number_at(dtype, bytes);
}

// number_at(), without a call where tensors are large.
inline double element_at(DType dtype, const std::byte *bytes) {
  if (dtype != DType::kF32) return number_at(dtype, bytes);
  float number;
  memcpy(&number, bytes, sizeof number);
  return number;
}

inline bool same_kind(double a, double b) {
  if (std::isnan(a) || std::isnan(b)) return std::isnan(a) && std::isnan(b);
  if (std::isinf(a) || std::isinf(b)) return a == b;
  return true;
}

}  // namespace

// f64 and f32 are the gates of single ops; a narrower type may round each element once more (or as
// often as the contract says), which costs no more than its unit roundoff of the whole norm.
Tolerance tolerance_for(DType dtype, int roundings) {
  if (dtype == DType::kF64) return {1e-12, 1e-12};
  const double rounding = roundings * unit_roundoff(dtype);
  return {rounding + 2e-6, rounding + 2e-6};
}

Difference compare_bits(const HostTensor &expected, const HostTensor &seen, bool zeros_are_equal) {
  Difference difference;
  Measure measure;
  const DType dtype = seen.type.dtype;
  const auto step = static_cast<size_t>(size_bytes(dtype));
  for (size_t at = 0; at < seen.bytes.size(); at += step) {
    const double a = number_at(dtype, expected.bytes.data() + at);
    const double b = number_at(dtype, seen.bytes.data() + at);
    if (std::isfinite(a) && std::isfinite(b)) measure.add(a, b);
    const bool same = memcmp(expected.bytes.data() + at, seen.bytes.data() + at, step) == 0 ||
                      (std::isnan(a) && std::isnan(b)) || (zeros_are_equal && a == 0 && b == 0);
    if (!same && difference.first.empty())
      difference.first = element_text(seen.type.shape, at / step, b, a);
  }
  measure.finish(difference);
  return difference;
}

Difference compare_numbers(const HostTensor &expected, const HostTensor &seen) {
  Difference difference;
  Measure measure;
  const DType exact_type = expected.type.dtype, type = seen.type.dtype;
  const auto exact_size = static_cast<size_t>(size_bytes(exact_type)),
             size = static_cast<size_t>(size_bytes(type));
  const double least = least_normal(type);
  const auto count = static_cast<size_t>(seen.type.shape.element_count());
  for (size_t i = 0; i < count; ++i) {
    // Beyond the type's range of full precision the rounded number is the one to compare with.
    double a = element_at(exact_type, expected.bytes.data() + i * exact_size);
    const double b = element_at(type, seen.bytes.data() + i * size);
    if (exact_type != type && (std::fabs(a) > 400 || std::fabs(a) < least)) a = rounded(type, a);
    if (!same_kind(a, b)) {
      if (difference.first.empty()) difference.first = element_text(seen.type.shape, i, b, a);
      continue;
    }
    if (std::isfinite(a)) measure.add(a, b);
  }
  measure.finish(difference);
  return difference;
}

std::string exceeds(const Difference &difference, const Tolerance &tolerance) {
  if (difference.norm_relative > tolerance.norm_relative) {
    return fmt::format("norm-relative error {:.2e}, allowed {:.2e}", difference.norm_relative,
                       tolerance.norm_relative);
  }
  if (difference.norm_ratio > tolerance.norm_ratio) {
    return fmt::format("norm ratio off by {:.2e}, allowed {:.2e}", difference.norm_ratio,
                       tolerance.norm_ratio);
  }
  return {};
}

}  // namespace flame::conformance
