#include "backends/onednn/gather.h"

#include <omp.h>

#include "backends/onednn/move.h"
#include "backends/onednn/odometer.h"

namespace flame::onednn {
namespace {

constexpr int64_t kParallelElements = 16384;

class GatherPlan : public OpPlan {
 public:
  GatherPlan(const flame::Op &op, uint32_t x, uint32_t indices, uint32_t axis)
      : x_(x),
        indices_(indices),
        index_dtype_(op.input(indices).dtype),
        bytes_(FLAME_DTYPE_BYTES(op.output(0).dtype)),
        size_(op.input(x).shape[axis]),
        stride_(op.input(x).strides[axis]),
        copy_(inner(op, x, indices, axis, true)),
        clear_(inner(op, x, indices, axis, false)) {
    const flame_tensor &from = op.input(x);
    const flame_tensor &chosen = op.input(indices);
    const flame_tensor &to = op.output(0);
    for (uint32_t k = 0; k < axis; ++k)
      slices_.add({from.shape[k], {from.strides[k], 0, to.strides[k]}});
    for (uint32_t k = 0; k < chosen.rank; ++k)
      slices_.add({chosen.shape[k], {0, chosen.strides[k], to.strides[axis + k]}});
  }

 private:
  // The axes behind the chosen one: from x, or from one zero.
  static Move inner(const flame::Op &op, uint32_t x, uint32_t indices, uint32_t axis, bool from_x) {
    const flame_tensor &from = op.input(x);
    const flame_tensor &to = op.output(0);
    const uint32_t behind = axis + op.input(indices).rank;
    const Sizes shape(from.shape + axis + 1, from.shape + from.rank);
    const Sizes strides(from.strides + axis + 1, from.strides + from.rank);
    return Move(shape, from_x ? strides : Sizes(shape.size(), 0),
                Sizes(to.strides + behind, to.strides + to.rank), to.dtype);
  }

  void execute(const Run &run) override {
    const int64_t count = slices_.count();
    if (count == 0 || copy_.element_count() == 0) return;
    const char *from = run.input<char>(x_);
    const char *indices = run.input<char>(indices_);
    char *to = run.output<char>(0);
#pragma omp parallel if (count * copy_.element_count() >= kParallelElements)
    {
      const int64_t threads = omp_get_num_threads();
      const int64_t me = omp_get_thread_num();
      const int64_t first = count * me / threads;
      Axes<3>::Place place(slices_, first);
      for (int64_t i = first; i < count * (me + 1) / threads; ++i, place.next()) {
        const int64_t chosen = index_at(index_dtype_, indices, place.offset(1));
        char *slice = to + place.offset(2) * bytes_;
        if (chosen >= 0 && chosen < size_) {
          copy_.run(from + (place.offset(0) + chosen * stride_) * bytes_, slice);
        } else {
          clear_.run(kZero, slice);
        }
      }
    }
  }

  alignas(8) static constexpr char kZero[8] = {};  // of every type

  uint32_t x_, indices_;
  flame_dtype index_dtype_;
  int64_t bytes_;  // of an element
  int64_t size_, stride_;
  Axes<3> slices_;  // of x, of the indices, of y: one slice for each place
  Move copy_, clear_;
};

}  // namespace

std::unique_ptr<OpPlan> plan_gather_along(const flame::Op &op, uint32_t x, uint32_t indices,
                                          uint32_t axis) {
  return std::make_unique<GatherPlan>(op, x, indices, axis);
}

}  // namespace flame::onednn
