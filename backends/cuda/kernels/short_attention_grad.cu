// The gradient of attention on a few keys. A block goes over a part of a head's queries, kTile at a
// time; each warp has 16 keys, whose sums for dk and dv stay in its registers. With kParts > 1 they go
// to parts[image][head][part][2][key][column], dk first, which short_attention_join adds up in order. In
// front of it stand what short_attention.cuh names, and:
//   kParts, kPartTiles      parts of a head, and tiles of one
#include "short_attention.cuh"

constexpr int kWarps = kThreads / 32;
static_assert(kWarps == kKeySteps, "16 keys for each warp");
constexpr int kKeyStride = kTile + 8;

// 16 keys of v as a left factor, from global memory.
inline void load_values(unsigned (&left)[kSteps][4], const T *v, int first) {
  const int g = threadIdx.x % 32 / 4;
  const int t = threadIdx.x % 4;
#pragma unroll
  for (int step = 0; step < kSteps; ++step) {
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      const int key = first + g + i % 2 * 8;
      const int column = step * 16 + t * 2 + i / 2 * 8;
      left[step][i] = key < kKeys && column < kColumns
                          ? *reinterpret_cast<const unsigned *>(v + key * kVRow + column)
                          : 0;
    }
  }
}

inline float dot_of(const uint4 &a, const uint4 &b) {
  const Pack<T, 8> left = *reinterpret_cast<const Pack<T, 8> *>(&a);
  const Pack<T, 8> right = *reinterpret_cast<const Pack<T, 8> *>(&b);
  float sum = 0;
#pragma unroll
  for (int k = 0; k < 8; ++k) sum += number(left.at[k]) * number(right.at[k]);
  return sum;
}

struct Tile {
  T queries[kTile * kStride];
  T gradients[kTile * kStride];
  T keys[kPaddedKeys * kStride];
  T scores[kPaddedKeys * kKeyStride];  // the gradient of scores, by keys
  float lse[kTile];                    // as powers of two
  float deltas[kTile];                 // dy · y of each query
};

// Four lanes for each query.
inline void load_tile(Tile &tile, const T *q, const T *dy, const T *y, const float *lse,
                      int first) {
  constexpr int kOwn = (kPieces + 3) / 4;
  const int lane = threadIdx.x % 4;
#pragma unroll
  for (int begin = 0; begin < kTile; begin += kThreads / 4) {
    const int row = begin + threadIdx.x / 4;
    const bool inside = row < kTile && first + row < kQueries;
    const long long query = inside ? first + row : 0;
    uint4 own[kOwn], given[kOwn], answer[kOwn];
#pragma unroll
    for (int i = 0; i < kOwn; ++i) {
      own[i] = load_piece(q + query * kQRow, lane + i * 4, inside);
      given[i] = load_piece(dy + query * kDyRow, lane + i * 4, inside);
      answer[i] = load_piece(y + query * kYRow, lane + i * 4, inside);
    }
    float delta = 0;
#pragma unroll
    for (int i = 0; i < kOwn; ++i) {
      delta += dot_of(given[i], answer[i]);
      if (row >= kTile || lane + i * 4 >= kPieces) continue;
      keep_piece(tile.queries + row * kStride, lane + i * 4, own[i]);
      keep_piece(tile.gradients + row * kStride, lane + i * 4, given[i]);
    }
    delta += __shfl_xor_sync(0xffffffffu, delta, 1);
    delta += __shfl_xor_sync(0xffffffffu, delta, 2);
    if (lane != 0 || row >= kTile) continue;
    tile.deltas[row] = delta;
    // A query that is not there has no share in any key.
    tile.lse[row] = inside ? lse[query] * kPerLog2 : __int_as_float(0x7f800000);
  }
}

// For 16 queries and the warp's 16 keys: the shares of the keys, and the gradient of the scores, both
// by keys.
inline void differentiate(const Tile &tile, const unsigned (&k)[kSteps][4],
                          const unsigned (&v)[kSteps][4], int chunk, int first,
                          unsigned (&shares)[4], unsigned (&slopes)[4]) {
  const int g = threadIdx.x % 32 / 4;
  const int t = threadIdx.x % 4;
  float scores[2][4] = {};
  float given[2][4] = {};
#pragma unroll
  for (int step = 0; step < kSteps; ++step) {
    unsigned right[4];
    load_right_transposed(right, tile.queries + chunk * 16 * kStride, step);
    multiply_add(scores[0], k[step], right[0], right[1], T());
    multiply_add(scores[1], k[step], right[2], right[3], T());
    load_right_transposed(right, tile.gradients + chunk * 16 * kStride, step);
    multiply_add(given[0], v[step], right[0], right[1], T());
    multiply_add(given[1], v[step], right[2], right[3], T());
  }
#pragma unroll
  for (int half = 0; half < 2; ++half) {
    const int column = chunk * 16 + half * 8 + t * 2;
    const float2 lse = *reinterpret_cast<const float2 *>(tile.lse + column);
    const float2 delta = *reinterpret_cast<const float2 *>(tile.deltas + column);
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      const int key = threadIdx.x / 32 * 16 + g + i / 2 * 8;
      const bool seen = key < kKeys && !(kCausal && key > first + column + i % 2);
      const float power =
          scores[half][i] * ((float)kScale * kPerLog2) - (i % 2 == 0 ? lse.x : lse.y);
      scores[half][i] = seen ? power_of_two(power) : 0;
      given[half][i] = scores[half][i] * (given[half][i] - (i % 2 == 0 ? delta.x : delta.y));
    }
#pragma unroll
    for (int i = 0; i < 2; ++i) {
      shares[half * 2 + i] = pair_of(scores[half][i * 2], scores[half][i * 2 + 1], T());
      slopes[half * 2 + i] = pair_of(given[half][i * 2], given[half][i * 2 + 1], T());
    }
  }
}

// dq of the tile: each warp takes 16 queries and some columns at a time.
inline void give_queries(const Tile &tile, T *dq, int first) {
  constexpr int kSlice = kSteps % 2 == 0 ? 2 : 1;  // of 16 columns
  constexpr int kItems = kTile / 16 * (kSteps / kSlice);
  const int lane = threadIdx.x % 32;
  for (int item = threadIdx.x / 32; item < kItems; item += kWarps) {
    const int chunk = item % (kTile / 16);
    const int slice = item / (kTile / 16) * kSlice;
    float sums[kSlice * 2][4] = {};
#pragma unroll
    for (int step = 0; step < kKeySteps; ++step) {
      unsigned left[4];
      load_transposed(left, tile.scores + (step * 16 + lane / 16 * 8 + lane % 8) * kKeyStride +
                                chunk * 16 + lane / 8 % 2 * 8);
#pragma unroll
      for (int i = 0; i < kSlice; ++i) {
        unsigned right[4];
        load_right(right, tile.keys + step * 16 * kStride, slice + i);
        multiply_add(sums[i * 2], left, right[0], right[1], T());
        multiply_add(sums[i * 2 + 1], left, right[2], right[3], T());
      }
    }
#pragma unroll
    for (int i = 0; i < kSlice * 2; ++i) {
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        const long long query = first + chunk * 16 + lane / 4 + half * 8;
        const int column = slice * 16 + i * 8 + lane % 4 * 2;
        if (query >= kQueries || column >= kColumns) continue;
        *reinterpret_cast<unsigned *>(dq + query * kHeads * kColumns + column) =
            pair_of(sums[i][half * 2] * (float)kScale, sums[i][half * 2 + 1] * (float)kScale, T());
      }
    }
  }
}

inline void store_pair(float *to, float low, float high) {
  *reinterpret_cast<float2 *>(to) = make_float2(low, high);
}
inline void store_pair(T *to, float low, float high) {
  *reinterpret_cast<unsigned *>(to) = pair_of(low, high, T());
}
// The warp's keys; rows of `to` are `stride` apart.
template <typename Y>
inline void store_keys(Y *to, int stride, const float (&sums)[kSteps * 2][4], float scale) {
  const int lane = threadIdx.x % 32;
#pragma unroll
  for (int i = 0; i < kSteps * 2; ++i) {
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      const int key = threadIdx.x / 32 * 16 + lane / 4 + half * 8;
      const int column = i * 8 + lane % 4 * 2;
      if (key >= kKeys || column >= kColumns) continue;
      store_pair(to + (long long)key * stride + column, sums[i][half * 2] * scale,
                 sums[i][half * 2 + 1] * scale);
    }
  }
}

extern "C" __global__ void __launch_bounds__(kThreads)
    short_attention_grad(const T *dy, const T *q, const T *k, const T *v, const T *y,
                         const float *lse, T *dq, T *dk, T *dv, float *parts) {
  __shared__ __align__(16) Tile tile;
  const int part = blockIdx.x % kParts;
  const int head = blockIdx.x / kParts % kHeads;
  const long long image = blockIdx.x / kParts / kHeads;
  const int warp = threadIdx.x / 32;
  q += image * kQImage + head * kQHead;
  dy += image * kDyImage + head * kDyHead;
  y += image * kYImage + head * kYHead;
  lse += (image * kHeads + head) * kQueries;
  dq += (image * kQueries * kHeads + head) * kColumns;
  load_rows<kPaddedKeys>(tile.keys, k + image * kKImage + head * kKHead, kKRow, kKeys);
  unsigned own_keys[kSteps][4];
  unsigned own_values[kSteps][4];
  load_values(own_values, v + image * kVImage + head * kVHead, warp * 16);
  float key_sums[kSteps * 2][4] = {};
  float value_sums[kSteps * 2][4] = {};
  for (int i = 0; i < kPartTiles; ++i) {
    const int first = (part * kPartTiles + i) * kTile;
    if (first >= kQueries) break;
    if (i > 0) __syncthreads();  // the last tile is done with
    load_tile(tile, q, dy, y, lse, first);
    __syncthreads();
    if (i == 0) {
#pragma unroll
      for (int step = 0; step < kSteps; ++step)
        load_left(own_keys[step], tile.keys + warp * 16 * kStride, step);
    }
#pragma unroll
    for (int chunk = 0; chunk < kTile / 16; ++chunk) {
      unsigned shares[4];
      unsigned slopes[4];
      differentiate(tile, own_keys, own_values, chunk, first, shares, slopes);
#pragma unroll
      for (int half = 0; half < 4; ++half) {
        const int key = warp * 16 + threadIdx.x % 32 / 4 + half % 2 * 8;
        *reinterpret_cast<unsigned *>(tile.scores + key * kKeyStride + chunk * 16 + half / 2 * 8 +
                                      threadIdx.x % 4 * 2) = slopes[half];
      }
#pragma unroll
      for (int step = 0; step < kSteps; ++step) {
        unsigned right[4];
        load_right(right, tile.gradients + chunk * 16 * kStride, step);
        multiply_add(value_sums[step * 2], shares, right[0], right[1], T());
        multiply_add(value_sums[step * 2 + 1], shares, right[2], right[3], T());
        load_right(right, tile.queries + chunk * 16 * kStride, step);
        multiply_add(key_sums[step * 2], slopes, right[0], right[1], T());
        multiply_add(key_sums[step * 2 + 1], slopes, right[2], right[3], T());
      }
    }
    __syncthreads();
    give_queries(tile, dq, first);
  }
  if (kParts == 1) {
    const long long before = (image * kKeys * kHeads + head) * kColumns;
    store_keys(dk + before, kHeads * kColumns, key_sums, (float)kScale);
    store_keys(dv + before, kHeads * kColumns, value_sums, 1.0f);
  } else {
    float *to = parts + (long long)blockIdx.x * 2 * kKeys * kColumns;
    store_keys(to, kColumns, key_sums, (float)kScale);
    store_keys(to + kKeys * kColumns, kColumns, value_sums, 1.0f);
  }
}

// Each thread adds four neighbours of all parts, in order.
extern "C" __global__ void __launch_bounds__(kThreads)
    short_attention_join(const float *parts, T *dk, T *dv, long long count) {
  const long long e = (long long)blockIdx.x * kThreads + threadIdx.x;
  if (e >= count) return;
  constexpr int kQuarters = kColumns / 4;
  constexpr int kOfPart = 2 * kKeys * kQuarters;
  const int place = (int)(e % kOfPart);
  const long long head = e / kOfPart;  // of all images
  const float4 *from = reinterpret_cast<const float4 *>(parts) + head * kParts * kOfPart + place;
  float4 sum = from[0];
#pragma unroll 32
  for (int part = 1; part < kParts; ++part) {
    const float4 next = from[(long long)part * kOfPart];
    sum.x += next.x;
    sum.y += next.y;
    sum.z += next.z;
    sum.w += next.w;
  }
  const long long key = place / kQuarters % kKeys;
  T *to = place < kKeys * kQuarters ? dk : dv;
  to += ((head / kHeads * kKeys + key) * kHeads + head % kHeads) * kColumns + place % kQuarters * 4;
  store_pair(to, sum.x, sum.y);
  store_pair(to + 2, sum.z, sum.w);
}
