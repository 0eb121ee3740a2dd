// What attention and its gradient share: heads as matrices, blocks of them in f32, the mask.
//
// The matrix of scores is never held: it is made block by block of queries and keys.
#pragma once

#include "backends/onednn/blocks.h"

namespace flame::onednn {

constexpr int64_t kQueriesOfBlock = 64;
constexpr int64_t kKeysOfBlock = 256;

// A tensor [b, s, h, d] as a matrix [s, d] for each b and h. The last axis is contiguous.
struct Heads {
  flame_dtype dtype;
  int64_t batch, rows, heads, columns;
  int64_t batch_stride, row_stride, head_stride;  // in elements

  // Refuses other strides.
  Heads(const flame::Op &op, std::string_view name, const flame_tensor &tensor);

  int64_t offset(int64_t image, int64_t head, int64_t row) const {
    const int64_t elements = image * batch_stride + head * head_stride + row * row_stride;
    return elements * FLAME_DTYPE_BYTES(dtype);
  }
  Block read(const char *tensor, int64_t image, int64_t head, int64_t row, int64_t count,
             float *buffer) const {
    return read_block(dtype, tensor + offset(image, head, row), count, columns, row_stride, buffer);
  }
  Block write(char *tensor, int64_t image, int64_t head, int64_t row, float *buffer) const {
    return write_block(dtype, tensor + offset(image, head, row), columns, row_stride, buffer);
  }
  void finish(const Block &block, char *tensor, int64_t image, int64_t head, int64_t row,
              int64_t count) const {
    finish_block(dtype, block, count, columns, row_stride, tensor + offset(image, head, row));
  }
};

// What is added to the scores: the mask, and -inf for later keys if causal.
class Mask {
 public:
  // Input `index` is the mask if the op has it.
  Mask(const flame::Op &op, uint32_t index);

  // A block of scores, whose first stand at `query` and `key`.
  void add_to(const Run &run, int64_t image, int64_t head, int64_t query, int64_t queries,
              int64_t key, int64_t keys, Block scores) const;
  // How many of `keys` keys the queries before `last_query` can see.
  int64_t visible_keys(int64_t last_query, int64_t keys) const {
    return causal_ ? std::min(last_query, keys) : keys;
  }

 private:
  // The next `keys` values of a row as f32; -inf where a mask of bool is false.
  void read_row(const char *row, int64_t keys, float *values) const;

  bool causal_;
  bool is_there_;
  uint32_t index_;
  flame_dtype dtype_ = FLAME_DTYPE_F32;
  int64_t strides_[4] = {};  // over [b, h, s, t]; 0 where the mask repeats
};

// c = scale · a · b + keep · c for row-major blocks; a is [m, k], or [k, m] transposed, b likewise.
// One thread if it is called from a parallel region. keep is 0 or 1; with 0, c is not read.
void multiply(bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k, float scale,
              Block a, Block b, float keep, Block c);

}  // namespace flame::onednn
