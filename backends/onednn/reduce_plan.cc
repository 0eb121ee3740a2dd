#include "backends/onednn/reduce_plan.h"

#include <omp.h>

#include <algorithm>
#include <cstdlib>

#include "backends/onednn/block_io.h"
#include "backends/onednn/odometer.h"

namespace flame::onednn {
namespace {

constexpr int64_t kPiece = 1024;  // values that are joined at a time
constexpr int64_t kParallelElements = 32768;
// Few answers are made in slices, so that all threads have work. The number does not depend on the
// threads: the same bits on every machine.
constexpr int64_t kUnits = 128;

struct Axis {
  int64_t size;
  int64_t x_stride;
  int64_t y_stride;
  bool reduced;
};

// The slowest axis of x first, neighbours joined where both tensors allow it.
std::vector<Axis> sorted_and_merged(std::vector<Axis> axes) {
  std::erase_if(axes, [](const Axis &axis) { return axis.size == 1; });
  std::stable_sort(axes.begin(), axes.end(), [](const Axis &a, const Axis &b) {
    return std::abs(a.x_stride) > std::abs(b.x_stride);
  });
  for (size_t i = axes.size(); i-- > 1;) {
    Axis &outer = axes[i - 1];
    const Axis &inner = axes[i];
    const bool fits = outer.reduced == inner.reduced &&
                      outer.x_stride == inner.x_stride * inner.size &&
                      outer.y_stride == inner.y_stride * inner.size;
    if (!fits) continue;
    outer = {outer.size * inner.size, inner.x_stride, inner.y_stride, inner.reduced};
    axes.erase(axes.begin() + static_cast<int64_t>(i));
  }
  return axes;
}

std::vector<Axis> axes_of(const flame::Op &op, const std::vector<int64_t> &reduced,
                          bool keep_dims) {
  const flame_tensor &x = op.input(0);
  const flame_tensor &y = op.output(0);
  std::vector<Axis> axes;
  uint32_t y_axis = 0;
  for (uint32_t axis = 0; axis < x.rank; ++axis) {
    const bool is_reduced = std::find(reduced.begin(), reduced.end(), axis) != reduced.end();
    const bool in_y = !is_reduced || keep_dims;
    axes.push_back(
        {x.shape[axis], x.strides[axis], is_reduced ? 0 : y.strides[y_axis], is_reduced});
    y_axis += in_y;
  }
  return sorted_and_merged(axes);
}

// A unit of work makes a few answers that are neighbours (one if the quickest axis is reduced) from
// one slice of what is reduced. In a unit, pieces of the quickest axis are joined one by one.
class ReducePlan : public OpPlan {
 public:
  ReducePlan(const flame::Op &op, FoldKind kind, bool mean, const std::vector<Axis> &axes)
      : kind_(kind), mean_(mean), x_dtype_(op.input(0).dtype), y_dtype_(op.output(0).dtype) {
    if (!axes.empty()) quickest_ = axes.back();
    for (const Axis &axis : axes) {
      elements_ *= axis.size;
      if (axis.reduced) reduced_count_ *= axis.size;
      if (&axis == &axes.back()) continue;
      if (axis.reduced) {
        rows_.add({axis.size, {axis.x_stride}});
      } else {
        kept_.add({axis.size, {axis.x_stride, axis.y_stride}});
      }
    }
    pieces_ = (quickest_.size + kPiece - 1) / kPiece;
    groups_ = kept_.count() * (quickest_.reduced ? 1 : pieces_);
    parts_ = rows_.count() * (quickest_.reduced ? pieces_ : 1);
    if (elements_ >= kParallelElements && groups_ > 0 && groups_ < kUnits)
      slices_ = std::clamp<int64_t>(kUnits / groups_, 1, parts_);
    value_class_ = class_of(x_dtype_);
    in_place_ = is_stored_as(x_dtype_, value_class_) && (quickest_.x_stride == 1);
  }

 private:
  static constexpr int64_t kBufferBytes = kPiece * 8;

  void prepare(Engine &engine) override {
    const int64_t sums = slices_ > 1 ? groups_ * slices_ : engine.threads;
    sums_ = reserve(static_cast<uint64_t>(sums * kBufferBytes));
    buffers_ = reserve(static_cast<uint64_t>(engine.threads * kBufferBytes));
  }

  void execute(const Run &run) override {
    if (groups_ == 0) return;
    char *sums = run.scratch<char>(sums_);
    char *buffers = run.scratch<char>(buffers_);
#pragma omp parallel if (elements_ >= kParallelElements)
    {
      const int64_t thread = omp_get_thread_num();
      char *buffer = buffers + thread * kBufferBytes;
#pragma omp for schedule(static)
      for (int64_t unit = 0; unit < groups_ * slices_; ++unit) {
        char *sum = sums + (slices_ > 1 ? unit : thread) * kBufferBytes;
        make(run, unit / slices_, unit % slices_, sum, buffer);
        if (slices_ == 1) store(run, unit, sum);
      }
      if (slices_ > 1) {
#pragma omp for schedule(static)
        for (int64_t group = 0; group < groups_; ++group) {
          char *sum = sums + group * slices_ * kBufferBytes;
          for (int64_t slice = 1; slice < slices_; ++slice)
            fold_columns(kind_, fold_class(value_class_), sum + slice * kBufferBytes, width(group),
                         sum);
          store(run, group, sum);
        }
      }
    }
  }

  // Groups count the pieces of a kept quickest axis first.
  int64_t first_column(int64_t group) const {
    return quickest_.reduced ? 0 : group % pieces_ * kPiece;
  }
  int64_t width(int64_t group) const {
    return quickest_.reduced ? 1 : std::min(kPiece, quickest_.size - first_column(group));
  }
  Axes<2>::Place kept_place(int64_t group) const {
    return {kept_, quickest_.reduced ? group : group / pieces_};
  }

  void make(const Run &run, int64_t group, int64_t slice, char *sum, char *buffer) const {
    const int64_t bytes = FLAME_DTYPE_BYTES(x_dtype_);
    const int64_t start = kept_place(group).offset(0) + first_column(group) * quickest_.x_stride;
    const char *x = run.input<char>(0) + start * bytes;
    fold_start(kind_, x_dtype_, sum, width(group));
    const int64_t first = parts_ * slice / slices_;
    const int64_t last = parts_ * (slice + 1) / slices_;
    if (first == last) return;
    const int64_t pieces = quickest_.reduced ? pieces_ : 1;
    Axes<1>::Place row(rows_, first / pieces);
    for (int64_t part = first; part < last; ++part) {
      const int64_t piece = part % pieces;
      const int64_t count =
          quickest_.reduced ? std::min(kPiece, quickest_.size - piece * kPiece) : width(group);
      const char *from = x + (row.offset(0) + piece * kPiece * quickest_.x_stride) * bytes;
      join(from, count, sum, buffer);
      if (piece + 1 == pieces) row.next();
    }
  }

  void join(const char *from, int64_t count, char *sum, char *buffer) const {
    const void *values = from;
    if (!in_place_) {
      load_row(x_dtype_, from, quickest_.x_stride, count, value_class_, buffer);
      values = buffer;
    }
    if (quickest_.reduced) {
      fold_row(kind_, value_class_, values, count, sum);
    } else {
      fold_columns(kind_, value_class_, values, count, sum);
    }
  }

  void store(const Run &run, int64_t group, char *sum) const {
    const int64_t count = width(group);
    if (mean_) {
      auto *numbers = reinterpret_cast<double *>(sum);
      for (int64_t i = 0; i < count; ++i) numbers[i] /= static_cast<double>(reduced_count_);
    }
    const int64_t offset = kept_place(group).offset(1) + first_column(group) * quickest_.y_stride;
    store_row(fold_class(value_class_), sum, count, y_dtype_,
              run.output<char>(0) + offset * int64_t{FLAME_DTYPE_BYTES(y_dtype_)},
              quickest_.y_stride);
  }

  FoldKind kind_;
  bool mean_;
  flame_dtype x_dtype_, y_dtype_;
  Axis quickest_{1, 1, 1, false};
  Axes<2> kept_;  // of x and y, without the quickest
  Axes<1> rows_;  // reduced axes of x, without the quickest
  int64_t elements_ = 1, reduced_count_ = 1;
  int64_t pieces_ = 0, groups_ = 0, parts_ = 0, slices_ = 1;
  ValueClass value_class_ = ValueClass::kF32;
  bool in_place_ = false;
  uint64_t sums_ = 0, buffers_ = 0;
};

}  // namespace

std::unique_ptr<OpPlan> plan_reduction(const flame::Op &op, FoldKind kind, bool mean,
                                       const std::vector<int64_t> &axes, bool keep_dims) {
  return std::make_unique<ReducePlan>(op, kind, mean, axes_of(op, axes, keep_dims));
}

}  // namespace flame::onednn
