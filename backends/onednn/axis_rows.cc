#include "backends/onednn/axis_rows.h"

#include <omp.h>

#include "backends/onednn/convert.h"
#include "flame/op_checks.hpp"

namespace flame::onednn {
namespace {

constexpr uint32_t kMostInputs = 2;

class RowPlan : public OpPlan {
 public:
  RowPlan(const flame::Op &op, RowKernel kernel)
      : kernel_(kernel), inputs_(op.input_count()), dtype_(op.output(0).dtype) {
    const flame_tensor &shape = op.output(0);
    auto axis = static_cast<uint32_t>(op.attributes().integer("axis"));
    length_ = shape.shape[axis];
    for (uint32_t i = 0; i < axis; ++i) outer_ *= shape.shape[i];
    for (uint32_t i = axis + 1; i < shape.rank; ++i) inner_ *= shape.shape[i];
    info.in_place_mask = (uint64_t{1} << inputs_) - 1;
  }

 private:
  bool direct() const { return inner_ == 1 && dtype_ == FLAME_DTYPE_F32; }

  void prepare(Engine &engine) override {
    if (direct()) return;
    buffer_size_ = static_cast<uint64_t>(length_) * sizeof(float);
    // Each thread has a row of each input, the first of which becomes the output, and one in the
    // type of memory.
    row_size_ = (buffer_size_ + 63) / 64 * 64;
    buffers_ = reserve(row_size_ * (kMostInputs + 1) * static_cast<uint64_t>(engine.threads));
  }

  void execute(const Run &run) override {
    const int64_t rows = length_ == 0 ? 0 : outer_ * inner_;
#pragma omp parallel for schedule(static) if (rows * length_ > 4096)
    for (int64_t row = 0; row < rows; ++row) {
      const int64_t first = row / inner_ * length_ * inner_ + row % inner_;
      if (direct()) {
        run_direct(run, first);
      } else {
        run_buffered(run, first);
      }
    }
  }

  void run_direct(const Run &run, int64_t first) const {
    const float *inputs[kMostInputs];
    for (uint32_t i = 0; i < inputs_; ++i) inputs[i] = run.input<float>(i) + first;
    kernel_(inputs, run.output<float>(0) + first, length_);
  }

  void run_buffered(const Run &run, int64_t first) const {
    char *buffer = run.scratch<char>(buffers_) +
                   static_cast<uint64_t>(omp_get_thread_num()) * row_size_ * (kMostInputs + 1);
    char *raw = buffer + kMostInputs * row_size_;
    const int64_t bytes = FLAME_DTYPE_BYTES(dtype_);
    const float *inputs[kMostInputs];
    for (uint32_t i = 0; i < inputs_; ++i) {
      auto *row = reinterpret_cast<float *>(buffer + i * row_size_);
      const char *from = run.input<char>(i) + first * bytes;
      for (int64_t k = 0; inner_ != 1 && k < length_; ++k) {
        __builtin_memcpy(raw + k * bytes, from + k * inner_ * bytes, static_cast<size_t>(bytes));
      }
      to_f32(dtype_, inner_ == 1 ? from : raw, length_, row);
      inputs[i] = row;
    }
    auto *output = reinterpret_cast<float *>(buffer);
    kernel_(inputs, output, length_);
    char *to = run.output<char>(0) + first * bytes;
    from_f32(dtype_, output, length_, inner_ == 1 ? to : raw);
    for (int64_t k = 0; inner_ != 1 && k < length_; ++k) {
      __builtin_memcpy(to + k * inner_ * bytes, raw + k * bytes, static_cast<size_t>(bytes));
    }
  }

  RowKernel kernel_;
  uint32_t inputs_;
  flame_dtype dtype_;
  int64_t outer_ = 1;
  int64_t length_ = 0;
  int64_t inner_ = 1;
  uint64_t buffer_size_ = 0;
  uint64_t row_size_ = 0;
  uint64_t buffers_ = 0;
};

}  // namespace

std::unique_ptr<OpPlan> plan_rows(const flame::Op &op, RowKernel kernel) {
  expect_attributes(op, {"axis"});
  expect_floats(op);
  expect_all_contiguous(op);
  return std::make_unique<RowPlan>(op, kernel);
}

}  // namespace flame::onednn
