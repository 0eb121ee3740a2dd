#include "backends/onednn/made_values.h"

#include <algorithm>
#include <utility>

#include "backends/onednn/odometer.h"

namespace flame::onednn {
namespace {

constexpr int64_t kBlock = 1024;
constexpr int64_t kParallelElements = 8192;

class MadeValuesPlan : public OpPlan {
 public:
  MadeValuesPlan(const flame_tensor &y, MakeValues make)
      : make_(std::move(make)),
        dtype_(y.dtype),
        value_class_(class_of(y.dtype) == ValueClass::kInteger ? ValueClass::kInteger
                                                               : ValueClass::kF64),
        count_(element_count(y)),
        contiguous_(is_contiguous(y)) {
    for (uint32_t axis = 0; axis < y.rank; ++axis) axes_.add({y.shape[axis], {y.strides[axis]}});
  }

 private:
  void execute(const Run &run) override {
#pragma omp parallel for schedule(static) if (count_ >= kParallelElements)
    for (int64_t first = 0; first < count_; first += kBlock) {
      alignas(64) char values[kBlock * 8];
      const int64_t count = std::min(kBlock, count_ - first);
      make_(run, first, count, values);
      store(run, first, count, values);
    }
  }

  void store(const Run &run, int64_t first, int64_t count, const char *values) const {
    const int64_t bytes = FLAME_DTYPE_BYTES(dtype_);
    char *y = run.output<char>(0);
    if (contiguous_) return store_row(value_class_, values, count, dtype_, y + first * bytes, 1);
    Axes<1>::Place place(axes_, first);
    for (int64_t i = 0; i < count; ++i, place.next())
      store_row(value_class_, values + i * 8, 1, dtype_, y + place.offset(0) * bytes, 1);
  }

  MakeValues make_;
  flame_dtype dtype_;
  ValueClass value_class_;
  int64_t count_;
  bool contiguous_;
  Axes<1> axes_;
};

}  // namespace

std::unique_ptr<OpPlan> plan_made_values(const flame::Op &op, MakeValues make) {
  return std::make_unique<MadeValuesPlan>(op.output(0), std::move(make));
}

}  // namespace flame::onednn
