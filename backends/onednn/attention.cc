#include "backends/onednn/attention.h"

#include <limits>

#include "flame/op_checks.hpp"

namespace flame::onednn {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

}  // namespace

Heads::Heads(const flame::Op &op, std::string_view name, const flame_tensor &tensor)
    : dtype(tensor.dtype),
      batch(tensor.shape[0]),
      rows(tensor.shape[1]),
      heads(tensor.shape[2]),
      columns(tensor.shape[3]),
      batch_stride(tensor.strides[0]),
      row_stride(tensor.strides[1]),
      head_stride(tensor.strides[2]) {
  if (rows == 1) row_stride = std::max<int64_t>(columns, 1);  // any stride is right
  const bool plain = columns == 1 || tensor.strides[3] == 1;
  if (flame::element_count(tensor) == 0 || (plain && row_stride >= columns)) return;
  throw flame::unsupported(op.name(), " needs contiguous heads, but ", name, ", ",
                           flame::to_text(tensor), ", has strides between its channels");
}

Mask::Mask(const flame::Op &op, uint32_t index)
    : causal_(op.attributes().flag("causal")), is_there_(index < op.input_count()), index_(index) {
  if (!is_there_) return;
  const flame_tensor &mask = op.input(index);
  dtype_ = mask.dtype;
  if (dtype_ != FLAME_DTYPE_BOOL && !computes_in_f32(dtype_)) {
    throw flame::unsupported(op.name(), " takes a mask of bool, f32, bf16 or f16, not ",
                             flame::dtype_name(dtype_));
  }
  for (uint32_t axis = 0; axis < mask.rank; ++axis) {
    const uint32_t place = 4 - mask.rank + axis;
    strides_[place] = mask.shape[axis] == 1 ? 0 : mask.strides[axis];
  }
}

void Mask::read_row(const char *row, int64_t keys, float *values) const {
  const int64_t step = strides_[3] * FLAME_DTYPE_BYTES(dtype_);
  if (dtype_ == FLAME_DTYPE_BOOL) {
    for (int64_t j = 0; j < keys; ++j) values[j] = row[j * step] ? 0.0f : -kInfinity;
  } else if (strides_[3] == 1) {
    to_f32(dtype_, row, keys, values);
  } else {
    for (int64_t j = 0; j < keys; ++j) to_f32(dtype_, row + j * step, 1, values + j);
  }
}

void Mask::add_to(const Run &run, int64_t image, int64_t head, int64_t query, int64_t queries,
                  int64_t key, int64_t keys, Block scores) const {
  if (is_there_) {
    const int64_t size = FLAME_DTYPE_BYTES(dtype_);
    const char *first = run.input<char>(index_) +
                        (image * strides_[0] + head * strides_[1] + key * strides_[3]) * size;
    float values[kKeysOfBlock];
    for (int64_t i = 0; i < queries; ++i) {
      // A mask that is the same for all queries is read once.
      if (i == 0 || strides_[2] != 0) {
        read_row(first + (query + i) * strides_[2] * size, keys, values);
      }
      float *to = scores.data + i * scores.stride;
      for (int64_t j = 0; j < keys; ++j) to[j] += values[j];
    }
  }
  if (!causal_) return;
  for (int64_t i = 0; i < queries; ++i) {
    const int64_t seen = std::clamp<int64_t>(query + i + 1 - key, 0, keys);
    std::fill_n(scores.data + i * scores.stride + seen, keys - seen, -kInfinity);
  }
}

void multiply(bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k, float scale,
              Block a, Block b, float keep, Block c) {
  if (m == 0 || n == 0) return;
  if (k == 0) {
    for (int64_t i = 0; i < m && keep == 0.0f; ++i) std::fill_n(c.data + i * c.stride, n, 0.0f);
    return;
  }
  dnnl::error::wrap_c_api(
      dnnl_sgemm(transpose_a ? 'T' : 'N', transpose_b ? 'T' : 'N', m, n, k, scale, a.data, a.stride,
                 b.data, b.stride, keep, c.data, c.stride),
      "oneDNN could not multiply two blocks of attention");
}

}  // namespace flame::onednn
