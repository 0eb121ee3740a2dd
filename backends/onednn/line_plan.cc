#include "backends/onednn/line_plan.h"

#include <omp.h>

#include <utility>

#include "backends/onednn/odometer.h"

namespace flame::onednn {
namespace {

constexpr int64_t kParallelElements = 8192;
constexpr size_t kOutputs = 2;

class LinePlan : public OpPlan {
 public:
  LinePlan(const flame::Op &op, uint32_t axis, LineWork work)
      : work_(std::move(work)),
        dtype_(op.input(0).dtype),
        value_class_(class_of(dtype_) == ValueClass::kInteger ? ValueClass::kInteger
                                                              : ValueClass::kF64),
        count_(op.input(0).shape[axis]),
        stride_(op.input(0).strides[axis]),
        output_count_(op.output_count()) {
    const flame_tensor &x = op.input(0);
    for (uint32_t k = 0; k < output_count_; ++k) {
      const flame_tensor &y = op.output(k);
      outputs_[k] = {y.dtype, nullptr, y.rank == x.rank ? y.strides[axis] : 0};
    }
    for (uint32_t k = 0; k < x.rank; ++k) {
      if (k == axis) continue;
      const auto stride_of = [&](uint32_t output) -> int64_t {
        if (output >= output_count_) return 0;
        const flame_tensor &y = op.output(output);
        return y.strides[y.rank == x.rank || k < axis ? k : k - 1];
      };
      lines_.add({x.shape[k], {x.strides[k], stride_of(0), stride_of(1)}});
    }
  }

 private:
  int64_t buffer_bytes() const { return (count_ * 8 + 63) / 64 * 64; }

  void prepare(Engine &engine) override {
    scratch_ = reserve(static_cast<uint64_t>(engine.threads * 2 * buffer_bytes()));
  }

  void execute(const Run &run) override {
    const int64_t lines = lines_.count();
#pragma omp parallel if (lines * count_ >= kParallelElements)
    {
      char *values = run.scratch<char>(scratch_) + omp_get_thread_num() * 2 * buffer_bytes();
#pragma omp for schedule(static)
      for (int64_t i = 0; i < lines; ++i) {
        const Axes<1 + kOutputs>::Place place(lines_, i);
        const char *x = run.input<char>(0) + place.offset(0) * int64_t{FLAME_DTYPE_BYTES(dtype_)};
        load_row(dtype_, x, stride_, count_, value_class_, values);
        LineOutput outputs[kOutputs] = {outputs_[0], outputs_[1]};
        for (uint32_t k = 0; k < output_count_; ++k) {
          outputs[k].data = run.output<char>(k) +
                            place.offset(1 + k) * int64_t{FLAME_DTYPE_BYTES(outputs[k].dtype)};
        }
        work_({values, count_, values + buffer_bytes()}, outputs);
      }
    }
  }

  LineWork work_;
  flame_dtype dtype_;
  ValueClass value_class_;
  int64_t count_, stride_;
  uint32_t output_count_;
  LineOutput outputs_[kOutputs] = {};  // without data
  Axes<1 + kOutputs> lines_;
  uint64_t scratch_ = 0;
};

}  // namespace

std::unique_ptr<OpPlan> plan_lines(const flame::Op &op, uint32_t axis, LineWork work) {
  return std::make_unique<LinePlan>(op, axis, std::move(work));
}

}  // namespace flame::onednn
