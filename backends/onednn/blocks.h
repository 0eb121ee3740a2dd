// Pieces of tensors as f32 in the cache, whatever their type, for loops that read and write a block
// at a time.
#pragma once

#include <algorithm>

#include "backends/onednn/convert.h"
#include "backends/onednn/op_plan.h"

namespace flame::onednn {

// A vector of weights as f32: an input, converted where it must be, or one number everywhere.
class VectorInput {
 public:
  // Input `index` if the op has it, else `otherwise`, `count` times.
  VectorInput(const flame::Op &op, uint32_t index, int64_t count, float otherwise)
      : index_(index), count_(count), otherwise_(otherwise), is_there_(index < op.input_count()) {
    if (is_there_) dtype_ = op.input(index).dtype;
  }

  void reserve(Workspace workspace) {
    if (!is_direct()) place_ = workspace.reserve(static_cast<uint64_t>(count_) * sizeof(float));
  }
  // Once in each run, by one thread.
  const float *get(const Run &run) const {
    if (is_direct()) return run.input<float>(index_);
    auto *vector = run.scratch<float>(place_);
    if (is_there_) {
      to_f32(dtype_, run.input<char>(index_), count_, vector);
    } else {
      std::fill_n(vector, count_, otherwise_);
    }
    return vector;
  }

 private:
  bool is_direct() const { return is_there_ && dtype_ == FLAME_DTYPE_F32; }

  uint32_t index_;
  int64_t count_;
  float otherwise_;
  bool is_there_;
  flame_dtype dtype_ = FLAME_DTYPE_F32;
  uint64_t place_ = 0;
};

// A block of rows in f32, `stride` numbers apart.
struct Block {
  float *data;
  int64_t stride;
};

// `rows` rows of `width` numbers, `stride` apart in a tensor that is read: where they lie if they
// are f32, else converted into `buffer`.
inline Block read_block(flame_dtype dtype, const char *from, int64_t rows, int64_t width,
                        int64_t stride, float *buffer) {
  if (dtype == FLAME_DTYPE_F32) {
    return {const_cast<float *>(reinterpret_cast<const float *>(from)), stride};
  }
  for (int64_t row = 0; row < rows; ++row) {
    to_f32(dtype, from + row * stride * 2, width, buffer + row * width);
  }
  return {buffer, width};
}

// Where a loop writes such a block; finish_block() then stores it.
inline Block write_block(flame_dtype dtype, char *to, int64_t width, int64_t stride,
                         float *buffer) {
  if (dtype == FLAME_DTYPE_F32) return {reinterpret_cast<float *>(to), stride};
  return {buffer, width};
}

inline void finish_block(flame_dtype dtype, const Block &block, int64_t rows, int64_t width,
                         int64_t stride, char *to) {
  if (dtype == FLAME_DTYPE_F32) return;
  for (int64_t row = 0; row < rows; ++row) {
    from_f32(dtype, block.data + row * block.stride, width, to + row * stride * 2);
  }
}

}  // namespace flame::onednn
