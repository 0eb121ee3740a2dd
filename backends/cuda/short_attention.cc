#include "backends/cuda/short_attention.h"

#include <algorithm>

namespace flame::cuda {
namespace {

constexpr int64_t kMostKeys = 128;
constexpr int64_t kMostColumns = 64;
constexpr int64_t kTile = 64;     // queries of a block
constexpr int64_t kResident = 2;  // the gradient's blocks on a multiprocessor

int64_t up_to(int64_t value, int64_t step) {
  return (value + step - 1) / step * step;
}

Definitions definitions_of(const Heads &q, const Heads &k, const Mask &mask, double scale) {
  Definitions made;
  made.type("T", q.dtype).number("kHeads", q.heads).number("kQueries", q.rows);
  made.number("kKeys", k.rows).number("kColumns", q.columns);
  made.real("kScale", scale).flag("kCausal", mask.causal);
  return made;
}

void add_strides(Definitions &made, const char *name, const Heads &heads) {
  made.line(flame::text("constexpr long long k", name, "Image = ", heads.batch_stride, "ll, k",
                        name, "Row = ", heads.row_stride, "ll, k", name,
                        "Head = ", heads.head_stride, "ll;"));
}

uint64_t place(const char *address) {
  return reinterpret_cast<uint64_t>(address);
}

// Queries that the gradient has on the chip at a time: with all keys they fit into 48 KiB.
int64_t gradient_tile(const Heads &k) {
  return k.rows > 80 ? kTile / 2 : kTile;
}

}  // namespace

bool suits_short_attention(const Heads &q, const Heads &k, const Heads &v, const Mask &mask) {
  if (q.dtype != FLAME_DTYPE_BF16 && q.dtype != FLAME_DTYPE_F16) return false;
  if (mask.is_there || k.rows == 0 || k.rows > kMostKeys) return false;
  if (q.columns > kMostColumns || q.columns != v.columns || q.heads != k.heads) return false;
  return q.is_even() && k.is_even() && v.is_even();
}

ShortAttention::ShortAttention(const Heads &q, const Heads &k, const Heads &v, const Mask &mask,
                               double scale)
    : blocks_(q.batch * q.heads * ((q.rows + kTile - 1) / kTile)) {
  Definitions made = definitions_of(q, k, mask, scale);
  add_strides(made, "Q", q);
  add_strides(made, "K", k);
  add_strides(made, "V", v);
  made.number("kThreads", kTile * 2).number("kTile", kTile);
  kernel_ = OwnKernel({"short_attention.cu", made.text(), "short_attention"});
}

void ShortAttention::run(CUstream stream, const Tensors &tensors) const {
  kernel_.run(
      stream, blocks_, kTile * 2,
      {place(tensors.q), place(tensors.k), place(tensors.v), place(tensors.y), place(tensors.lse)});
}

ShortAttentionGrad::ShortAttentionGrad(const Heads &dy, const Heads &q, const Heads &k,
                                       const Heads &v, const Heads &y, const Mask &mask,
                                       double scale, const Target &target)
    : threads_(static_cast<uint32_t>(up_to(k.rows, 16) * 2)) {
  // As many blocks as multiprocessors hold at a time.
  const int64_t tile = gradient_tile(k);
  const int64_t tiles = (q.rows + tile - 1) / tile;
  const int64_t heads = q.batch * q.heads;
  const int64_t wanted = std::max<int64_t>(int64_t{target.multiprocessors} * kResident / heads, 1);
  const int64_t of_part = (tiles + wanted - 1) / wanted;
  parts_ = (tiles + of_part - 1) / of_part;
  blocks_ = heads * parts_;
  numbers_ = 2 * k.rows * k.columns;
  Definitions made = definitions_of(q, k, mask, scale);
  add_strides(made, "Q", q);
  add_strides(made, "K", k);
  add_strides(made, "V", v);
  add_strides(made, "Y", y);
  add_strides(made, "Dy", dy);
  made.number("kThreads", threads_).number("kTile", tile);
  made.number("kParts", parts_).number("kPartTiles", of_part);
  kernel_ = OwnKernel({"short_attention_grad.cu", made.text(), "short_attention_grad"});
  join_ = OwnKernel({"short_attention_grad.cu", made.text(), "short_attention_join"});
}

void ShortAttentionGrad::prepare(Context &context) {
  kernel_.prepare(context);
  if (parts_ > 1) join_.prepare(context);
}

uint64_t ShortAttentionGrad::workspace_size() const {
  return parts_ == 1 ? 0 : static_cast<uint64_t>(blocks_ * numbers_) * sizeof(float);
}

void ShortAttentionGrad::run(CUstream stream, const Tensors &tensors, char *workspace) const {
  kernel_.run(stream, blocks_, threads_,
              {place(tensors.dy), place(tensors.q), place(tensors.k), place(tensors.v),
               place(tensors.y), place(tensors.lse), place(tensors.dq), place(tensors.dk),
               place(tensors.dv), place(workspace)});
  if (parts_ == 1) return;
  const int64_t count = blocks_ / parts_ * numbers_ / 4;
  join_.run(stream, block_count(count, threads_), threads_,
            {place(workspace), place(tensors.dk), place(tensors.dv), static_cast<uint64_t>(count)});
}

}  // namespace flame::cuda
