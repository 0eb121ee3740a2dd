// pool2d_grad: each output's gradient goes to its maximum, or in parts to its whole window.
#include <algorithm>

#include "backends/onednn/block_io.h"
#include "backends/onednn/op_plan.h"
#include "backends/onednn/pool_windows.h"
#include "flame/op_checks.hpp"

namespace flame::onednn {
namespace {

constexpr int64_t kPiece = 512;  // channels at a time
constexpr int64_t kParallelElements = 4096;

// Every place of dx collects from the windows that hold it, so that threads never meet. For a
// maximum the workspace first gets the place where each window has it.
class Pool2dGradPlan : public OpPlan {
 public:
  explicit Pool2dGradPlan(const flame::Op &op)
      : windows_(op, op.output(0), op.input(0)), dtype_(op.output(0).dtype) {
    for (uint32_t axis = 0; axis < 4; ++axis) {
      dy_strides_[axis] = op.input(0).strides[axis];
      x_strides_[axis] = windows_.maximum ? op.input(1).strides[axis] : 0;
      dx_strides_[axis] = op.output(0).strides[axis];
      dy_shape_[axis] = op.input(0).shape[axis];
      dx_shape_[axis] = op.output(0).shape[axis];
    }
    windows_of_row_ = windows_of_places(windows_.rows, dx_shape_[1]);
    windows_of_column_ = windows_of_places(windows_.columns, dx_shape_[2]);
    if (windows_.maximum) places_ = reserve(static_cast<uint64_t>(element_count(op.input(0)) * 8));
  }

 private:
  void execute(const Run &run) override {
    auto *places = windows_.maximum ? run.scratch<int64_t>(places_) : nullptr;
    const int64_t dy_rows = dy_shape_[0] * dy_shape_[1];
    const int64_t dx_rows = dx_shape_[0] * dx_shape_[1];
    const bool pays = dx_rows * dx_shape_[2] * dx_shape_[3] >= kParallelElements;
#pragma omp parallel if (pays)
    {
#pragma omp for schedule(static)
      for (int64_t row = 0; row < (places ? dy_rows : 0); ++row) find_row(run, row, places);
#pragma omp for schedule(static)
      for (int64_t row = 0; row < dx_rows; ++row) {
        for (int64_t w = 0; w < dx_shape_[2]; ++w) {
          for (int64_t first = 0; first < dx_shape_[3]; first += kPiece)
            collect(run, row, w, first, places);
        }
      }
    }
  }

  static int64_t offset(const int64_t (&strides)[4], int64_t n, int64_t h, int64_t w, int64_t c) {
    return n * strides[0] + h * strides[1] + w * strides[2] + c * strides[3];
  }

  // The element of `places` for a window and a channel.
  int64_t *place_of(int64_t *places, int64_t n, int64_t i, int64_t j, int64_t c) const {
    return places + ((n * dy_shape_[1] + i) * dy_shape_[2] + j) * dy_shape_[3] + c;
  }

  void find_row(const Run &run, int64_t row, int64_t *places) const {
    const int64_t n = row / dy_shape_[1];
    const int64_t i = row % dy_shape_[1];
    for (int64_t j = 0; j < dy_shape_[2]; ++j) {
      for (int64_t first = 0; first < dy_shape_[3]; first += kPiece)
        find(run, n, i, j, first, place_of(places, n, i, j, first));
    }
  }

  // The first place of NaN, else of the largest, for some channels of a window.
  void find(const Run &run, int64_t n, int64_t i, int64_t j, int64_t first, int64_t *found) const {
    const int64_t count = std::min(kPiece, dy_shape_[3] - first);
    double largest[kPiece];
    double values[kPiece];
    std::fill_n(found, count, int64_t{-1});
    const Span rows = windows_.rows[static_cast<size_t>(i)];
    const Span columns = windows_.columns[static_cast<size_t>(j)];
    for (int64_t h = rows.begin; h < rows.end; ++h) {
      for (int64_t w = columns.begin; w < columns.end; ++w) {
        load(run, 1, offset(x_strides_, n, h, w, first), x_strides_[3], count, values);
        for (int64_t c = 0; c < count; ++c) {
          const bool held_is_nan = found[c] >= 0 && largest[c] != largest[c];
          const bool wins = found[c] < 0 || values[c] > largest[c] || values[c] != values[c];
          if (held_is_nan || !wins) continue;
          largest[c] = values[c];
          found[c] = h * dx_shape_[2] + w;
        }
      }
    }
  }

  void collect(const Run &run, int64_t row, int64_t w, int64_t first, int64_t *places) const {
    const int64_t n = row / dx_shape_[1];
    const int64_t h = row % dx_shape_[1];
    const int64_t count = std::min(kPiece, dx_shape_[3] - first);
    double sums[kPiece] = {};
    double given[kPiece];
    const Span rows = windows_of_row_[static_cast<size_t>(h)];
    const Span columns = windows_of_column_[static_cast<size_t>(w)];
    for (int64_t i = rows.begin; i < rows.end; ++i) {
      for (int64_t j = columns.begin; j < columns.end; ++j) {
        load(run, 0, offset(dy_strides_, n, i, j, first), dy_strides_[3], count, given);
        if (places) {
          const int64_t *place = place_of(places, n, i, j, first);
          for (int64_t c = 0; c < count; ++c)
            sums[c] += place[c] == h * dx_shape_[2] + w ? given[c] : 0;
        } else {
          const double divisor = windows_.divisor(i, j);
          for (int64_t c = 0; c < count; ++c) sums[c] += given[c] / divisor;
        }
      }
    }
    store_row(ValueClass::kF64, sums, count, dtype_,
              run.output<char>(0) + offset(dx_strides_, n, h, w, first) * bytes(), dx_strides_[3]);
  }

  int64_t bytes() const {
    return FLAME_DTYPE_BYTES(dtype_);
  }

  void load(const Run &run, uint32_t input, int64_t start, int64_t stride, int64_t count,
            double *to) const {
    load_row(dtype_, run.input<char>(input) + start * bytes(), stride, count, ValueClass::kF64, to);
  }

  PoolWindows windows_;
  flame_dtype dtype_;
  std::vector<Span> windows_of_row_, windows_of_column_;
  int64_t dy_strides_[4], x_strides_[4], dx_strides_[4];
  int64_t dy_shape_[4], dx_shape_[4];
  uint64_t places_ = 0;
};

}  // namespace

std::unique_ptr<OpPlan> plan_pool2d_grad(const flame::Op &op) {
  expect_attributes(
      op, {"kind", "window", "stride", "padding", "count_include_pad", "output_size", "size"});
  return std::make_unique<Pool2dGradPlan>(op);
}

}  // namespace flame::onednn
