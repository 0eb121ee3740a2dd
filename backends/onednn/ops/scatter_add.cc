// scatter_add: y = base; y[outer…, indices[i…], inner…] += updates[outer…, i…, inner…].
#include <omp.h>

#include <algorithm>

#include "backends/onednn/block_io.h"
#include "backends/onednn/fold.h"
#include "backends/onednn/gather.h"
#include "backends/onednn/loop_nest.h"
#include "backends/onednn/odometer.h"
#include "backends/onednn/op_plan.h"
#include "flame/op_checks.hpp"

namespace flame::onednn {
namespace {

constexpr int64_t kPiece = 1024;
constexpr int64_t kParallelElements = 16384;

// The sums are made in f64 (integers: in 64 bits) in the workspace, piece by piece of the elements
// behind the axis. A thread has slices of y for itself and adds what comes to them in order, so that
// the bits do not depend on the threads.
class ScatterAddPlan : public OpPlan {
 public:
  ScatterAddPlan(const flame::Op &op, uint32_t axis)
      : dtype_(op.output(0).dtype),
        index_dtype_(op.input(1).dtype),
        size_(op.output(0).shape[axis]) {
    const flame_tensor &base = op.input(0);
    const flame_tensor &indices = op.input(1);
    const flame_tensor &updates = op.input(2);
    const flame_tensor &y = op.output(0);
    base_stride_ = base.strides[axis];
    y_stride_ = y.strides[axis];
    for (uint32_t k = 0; k < axis; ++k)
      outer_.add({y.shape[k], {base.strides[k], updates.strides[k], y.strides[k]}});
    for (uint32_t k = 0; k < indices.rank; ++k)
      chosen_.add({indices.shape[k], {indices.strides[k], updates.strides[axis + k]}});
    for (uint32_t k = axis + 1; k < y.rank; ++k) {
      inner_.add(
          {y.shape[k], {base.strides[k], updates.strides[k + indices.rank - 1], y.strides[k]}});
    }
    value_class_ =
        class_of(dtype_) == ValueClass::kInteger ? ValueClass::kInteger : ValueClass::kF64;
  }

 private:
  // The sums of all slices for one piece of the inner elements.
  int64_t sums_bytes() const { return size_ * std::min(kPiece, inner_.count()) * 8; }

  void prepare(Engine &engine) override {
    sums_ = reserve(static_cast<uint64_t>(sums_bytes()));
    updates_ = reserve(static_cast<uint64_t>(engine.threads * kPiece * 8));
  }

  void execute(const Run &run) override {
    if (outer_.count() * inner_.count() * size_ == 0) return;
    const int64_t work = (size_ + chosen_.count()) * std::min(kPiece, inner_.count());
    for (int64_t o = 0; o < outer_.count(); ++o) {
      const Axes<3>::Place outer(outer_, o);
      for (int64_t first = 0; first < inner_.count(); first += kPiece) {
#pragma omp parallel if (work >= kParallelElements)
        run_piece(run, outer, first, std::min(kPiece, inner_.count() - first));
      }
    }
  }

  void run_piece(const Run &run, const Axes<3>::Place &outer, int64_t first, int64_t count) const {
    const int64_t threads = omp_get_num_threads();
    const int64_t me = omp_get_thread_num();
    const int64_t begin = size_ * me / threads;
    const int64_t end = size_ * (me + 1) / threads;
    char *sums = run.scratch<char>(sums_);
    char *update = run.scratch<char>(updates_) + me * kPiece * 8;
    for (int64_t slice = begin; slice < end; ++slice) {
      load_piece<0>(run.input<char>(0), outer.offset(0) + slice * base_stride_, first, count,
                    sums + slice * count * 8);
    }
    Axes<2>::Place place(chosen_, 0);
    for (int64_t i = 0; i < chosen_.count(); ++i, place.next()) {
      const int64_t slice = index_at(index_dtype_, run.input<char>(1), place.offset(0));
      if (slice < begin || slice >= end) continue;
      load_piece<1>(run.input<char>(2), outer.offset(1) + place.offset(1), first, count, update);
      fold_columns(FoldKind::kSum, value_class_, update, count, sums + slice * count * 8);
    }
    for (int64_t slice = begin; slice < end; ++slice) {
      for_each_row<2>(first, count,
                      [&](int64_t offset, int64_t stride, int64_t at, int64_t length) {
                        const int64_t to = outer.offset(2) + slice * y_stride_ + offset;
                        store_row(value_class_, sums + (slice * count + at) * 8, length, dtype_,
                                  run.output<char>(0) + to * bytes(), stride);
                      });
    }
  }

  int64_t bytes() const {
    return FLAME_DTYPE_BYTES(dtype_);
  }

  // Calls body(offset, stride, at, length) for the rows that the piece is made of.
  template <size_t kTensor, typename Body>
  void for_each_row(int64_t first, int64_t count, const Body &body) const {
    const int64_t row = inner_.last_size();
    for (int64_t at = 0; at < count;) {
      const int64_t column = (first + at) % row;
      const int64_t length = std::min(row - column, count - at);
      body(Axes<3>::Place(inner_, first + at).offset(kTensor), inner_.last_stride(kTensor), at,
           length);
      at += length;
    }
  }

  template <size_t kTensor>
  void load_piece(const char *data, int64_t start, int64_t first, int64_t count, char *to) const {
    for_each_row<kTensor>(first, count,
                          [&](int64_t offset, int64_t stride, int64_t at, int64_t length) {
                            load_row(dtype_, data + (start + offset) * bytes(), stride, length,
                                     value_class_, to + at * 8);
                          });
  }

  flame_dtype dtype_, index_dtype_;
  int64_t size_;
  int64_t base_stride_, y_stride_;
  Axes<3> outer_, inner_;  // of base, updates, y
  Axes<2> chosen_;         // of indices, updates
  ValueClass value_class_;
  uint64_t sums_ = 0, updates_ = 0;
};

}  // namespace

std::unique_ptr<OpPlan> plan_scatter_add(const flame::Op &op) {
  expect_attributes(op, {"axis"});
  return std::make_unique<ScatterAddPlan>(op,
                                          static_cast<uint32_t>(op.attributes().integer("axis")));
}

}  // namespace flame::onednn
