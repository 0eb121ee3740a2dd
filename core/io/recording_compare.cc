#include "core/io/recording_compare.h"

#include <algorithm>
#include <cmath>

#include "core/tensor/numbers.h"

namespace flame {
namespace {

// Gradients smaller than the usual one by this are rounding, in recordings of f64 and of f32.
constexpr double kRoundingF64 = 1e-9;
constexpr double kRoundingF32 = 1e-6;

bool is_gradient(const RecordedTensor &tensor) {
  return tensor.name.starts_with("grad/");
}

std::vector<int64_t> indices_of(size_t place, const Shape &shape) {
  std::vector<int64_t> indices(shape.rank());
  auto left = static_cast<int64_t>(place);
  for (size_t axis = shape.rank(); axis-- > 0;) {
    indices[axis] = left % shape[axis];
    left /= shape[axis];
  }
  return indices;
}

}  // namespace

RecordingTolerance recording_tolerance(const RecordingSettings &settings) {
  if (settings.tolerance) return {*settings.tolerance, *settings.tolerance, *settings.tolerance};
  if (settings.dtype == DType::kF64) return {1e-6, 1e-6, 1e-6};
  if (settings.dtype == DType::kF32) return {1e-5, 5e-5, 5e-5};
  return {5e-2, 5e-2, 1.5e-2};
}

RecordedTensor compare_recorded(std::string name, const HostTensor &recorded,
                                const HostTensor &seen) {
  RecordedTensor compared;
  compared.name = std::move(name);
  compared.shape = recorded.type.shape;
  const std::vector<double> expected = numbers_of(recorded);
  const std::vector<double> given = numbers_of(seen);
  double error = 0, expected_squares = 0, given_squares = 0;
  size_t worst = 0;
  for (size_t i = 0; i < expected.size(); ++i) {
    const double off = std::fabs(given[i] - expected[i]);
    error += off * off;
    expected_squares += expected[i] * expected[i];
    given_squares += given[i] * given[i];
    if (!(off <= compared.max_absolute)) {  // NaN is the worst
      if (!std::isnan(compared.max_absolute)) worst = i;
      compared.max_absolute = std::isnan(compared.max_absolute) ? compared.max_absolute : off;
    }
  }
  if (!expected.empty()) compared.where = indices_of(worst, compared.shape);
  const double norm = std::sqrt(expected_squares);
  const bool zero = norm == 0;
  compared.norm_relative = zero ? (error == 0 ? 0 : INFINITY) : std::sqrt(error) / norm;
  compared.norm_ratio = zero ? (error == 0 ? 1 : INFINITY) : std::sqrt(given_squares) / norm;
  compared.recorded_size = expected.empty() ? 0 : norm / std::sqrt(expected.size());
  compared.error_size = expected.empty() ? 0 : std::sqrt(error / expected.size());
  return compared;
}

void judge_recorded(RecordingCheck &check, const RecordingTolerance &tolerance,
                    bool recorded_in_f64) {
  std::vector<double> sizes;
  for (const RecordedTensor &tensor : check.tensors) {
    if (is_gradient(tensor)) sizes.push_back(tensor.recorded_size);
  }
  std::ranges::sort(sizes);
  const double usual = sizes.empty() ? 0 : sizes[sizes.size() / 2];
  const double rounding = usual * (recorded_in_f64 ? kRoundingF64 : kRoundingF32);
  check.equal = true;
  for (RecordedTensor &tensor : check.tensors) {
    tensor.tolerance = is_gradient(tensor) ? tolerance.gradient : tolerance.output;
    tensor.is_absolute = is_gradient(tensor) && tensor.recorded_size <= rounding && usual > 0;
    if (tensor.is_absolute) {
      tensor.norm_relative = tensor.error_size / usual;
      tensor.norm_ratio = 1;
    }
    tensor.within = tensor.norm_relative <= tensor.tolerance &&
                    std::fabs(tensor.norm_ratio - 1) <= tolerance.norm_ratio;
    check.equal &= tensor.within;
  }
}

}  // namespace flame
