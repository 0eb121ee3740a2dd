// pool2d: the maximum or average of x over the window of each output.
#include <algorithm>

#include "backends/onednn/block_io.h"
#include "backends/onednn/fold.h"
#include "backends/onednn/op_plan.h"
#include "backends/onednn/pool_windows.h"
#include "flame/op_checks.hpp"

namespace flame::onednn {
namespace {

constexpr int64_t kPiece = 512;  // channels at a time
constexpr int64_t kParallelElements = 4096;

class Pool2dPlan : public OpPlan {
 public:
  explicit Pool2dPlan(const flame::Op &op)
      : windows_(op, op.input(0), op.output(0)), dtype_(op.output(0).dtype) {
    for (uint32_t axis = 0; axis < 4; ++axis) {
      x_strides_[axis] = op.input(0).strides[axis];
      y_strides_[axis] = op.output(0).strides[axis];
      y_shape_[axis] = op.output(0).shape[axis];
    }
  }

 private:
  void execute(const Run &run) override {
    const int64_t rows = y_shape_[0] * y_shape_[1];
#pragma omp parallel for schedule(static) if (rows * y_shape_[2] * y_shape_[3] >= kParallelElements)
    for (int64_t row = 0; row < rows; ++row) {
      for (int64_t j = 0; j < y_shape_[2]; ++j) {
        for (int64_t first = 0; first < y_shape_[3]; first += kPiece)
          pool(run, row / y_shape_[1], row % y_shape_[1], j, first);
      }
    }
  }

  void pool(const Run &run, int64_t n, int64_t i, int64_t j, int64_t first) const {
    const int64_t count = std::min(kPiece, y_shape_[3] - first);
    const int64_t bytes = FLAME_DTYPE_BYTES(dtype_);
    const FoldKind kind = windows_.maximum ? FoldKind::kMaximum : FoldKind::kSum;
    double sums[kPiece];
    double values[kPiece];
    fold_start(kind, dtype_, sums, count);
    const Span rows = windows_.rows[static_cast<size_t>(i)];
    const Span columns = windows_.columns[static_cast<size_t>(j)];
    for (int64_t h = rows.begin; h < rows.end; ++h) {
      for (int64_t w = columns.begin; w < columns.end; ++w) {
        const int64_t x =
            n * x_strides_[0] + h * x_strides_[1] + w * x_strides_[2] + first * x_strides_[3];
        load_row(dtype_, run.input<char>(0) + x * bytes, x_strides_[3], count, ValueClass::kF64,
                 values);
        fold_columns(kind, ValueClass::kF64, values, count, sums);
      }
    }
    const double divisor = windows_.maximum ? 1 : windows_.divisor(i, j);
    for (int64_t c = 0; c < count; ++c) sums[c] /= divisor;
    const int64_t y =
        n * y_strides_[0] + i * y_strides_[1] + j * y_strides_[2] + first * y_strides_[3];
    store_row(ValueClass::kF64, sums, count, dtype_, run.output<char>(0) + y * bytes,
              y_strides_[3]);
  }

  PoolWindows windows_;
  flame_dtype dtype_;
  int64_t x_strides_[4], y_strides_[4], y_shape_[4];
};

}  // namespace

std::unique_ptr<OpPlan> plan_pool2d(const flame::Op &op) {
  expect_attributes(op,
                    {"kind", "window", "stride", "padding", "count_include_pad", "output_size"});
  return std::make_unique<Pool2dPlan>(op);
}

}  // namespace flame::onednn
