#include "backends/cuda/attention.h"

#include <algorithm>

#include "flame/op_checks.hpp"

namespace flame::cuda {
namespace {

constexpr int64_t kMostScores = int64_t{64} << 20;       // bytes of a slice
constexpr int64_t kMostSeldomScores = int64_t{4} << 20;  // where slices are for odd addresses alone

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
  if (rows == 1) row_stride = columns;
  if (heads == 1) head_stride = columns;
  if (batch == 1) batch_stride = std::max<int64_t>(rows * heads * columns, 1);
  const bool is_plain = columns == 1 || tensor.strides[3] == 1;
  const bool is_apart = row_stride >= columns && head_stride >= 0 && batch_stride >= 0;
  if (flame::element_count(tensor) == 0 || (is_plain && is_apart)) return;
  throw flame::unsupported(op.name(), " needs heads whose elements stand one after the other, but ",
                           name, ", ", flame::to_text(tensor), ", is strided");
}

bool Heads::is_even() const {
  for (const int64_t stride : {columns, batch_stride, row_stride, head_stride}) {
    if (stride % 8 != 0) return false;
  }
  return true;
}

Mask::Mask(const flame::Op &op, uint32_t input)
    : is_there(op.input_count() > input), causal(op.attributes().flag("causal")), index(input) {
  if (!is_there) return;
  const flame_tensor &mask = op.input(index);
  dtype = mask.dtype;
  const size_t skipped = 4 - mask.rank;
  for (size_t axis = 0; axis < mask.rank; ++axis)
    strides[skipped + axis] = mask.shape[axis] == 1 ? 0 : mask.strides[axis];
}

void Mask::define(Definitions &made) const {
  made.flag("kMask", is_there).flag("kTruths", dtype == FLAME_DTYPE_BOOL).flag("kCausal", causal);
  made.type("M", dtype);
  made.line(flame::text("constexpr long long kMaskHead = ", strides[1],
                        "ll, kMaskRow = ", strides[2], "ll, kMaskKey = ", strides[3], "ll;"));
}

uint64_t Mask::address(const Run &run, int64_t image) const {
  if (!is_there) return 0;
  return reinterpret_cast<uint64_t>(address_of(*run.inputs[index]) +
                                    image * strides[0] * FLAME_DTYPE_BYTES(dtype));
}

flame_dtype score_type(flame_dtype dtype) {
  return dtype == FLAME_DTYPE_F64 ? FLAME_DTYPE_F64 : FLAME_DTYPE_F32;
}

int64_t slice_rows(const Heads &q, const Heads &k, bool seldom) {
  const int64_t row =
      std::max<int64_t>(q.heads * k.rows * FLAME_DTYPE_BYTES(score_type(q.dtype)), 1);
  return std::clamp<int64_t>((seldom ? kMostSeldomScores : kMostScores) / row, 1,
                             std::max<int64_t>(q.rows, 1));
}

bool suits_cudnn(const Heads &q, const Heads &k, const Heads &v, const Mask &mask) {
  if (mask.is_there || q.rows == 0 || k.rows < 2) return false;
  if (q.dtype != FLAME_DTYPE_BF16 && q.dtype != FLAME_DTYPE_F16) return false;
  return q.columns <= 256 && v.columns <= 256 && q.is_even() && k.is_even() && v.is_even();
}

void expect_attention(const flame::Op &op) {
  const flame_tensor &first = op.input(0);
  if (!computes_in_f32(first.dtype) && first.dtype != FLAME_DTYPE_F64) {
    throw flame::unsupported(op.name(), " takes f64, f32, bf16 and f16, but input 0 is ",
                             flame::dtype_name(first.dtype));
  }
  for (uint32_t i = 0; i < 3; ++i) {
    if (op.input(i).shape[3] == 0)
      throw flame::unsupported(op.name(), " takes no heads without channels");
  }
}

void SlicedProduct::prepare(Context &context, int64_t rows, int64_t slice, const Make &make) {
  slice_ = slice;
  const auto prepared = [&](int64_t queries) {
    auto product = std::make_unique<Product>(make(queries));
    if (!product->prepare(context)) throw flame::unsupported("cuBLASLt has no such product");
    return product;
  };
  whole_ = prepared(slice);
  if (rows % slice != 0) rest_ = prepared(rows % slice);
}

uint64_t SlicedProduct::workspace_size() const {
  return std::max(whole_ ? whole_->workspace_size() : 0, rest_ ? rest_->workspace_size() : 0);
}

}  // namespace flame::cuda
