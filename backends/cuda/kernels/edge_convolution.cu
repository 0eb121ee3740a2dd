// Convolutions with few channels on one side, where a picture begins or ends: bound by the memory of
// the other side, which is read or written once. Blocks take tile after tile. In front of it stand:
//   T                                       bf16 or f16
//   kImages, kHeight, kWidth, kChannels     of what is read
//   kDown, kAcross, kFilters                of what is written
//   kRows, kColumns, kTop, kLeft            the window; place (i, j) reads (i + r - kTop, j + s - kLeft)
//   weight_at(filter, r, s, channel)        where a weight stands
//   kBias, kThreads
//   kTileDown                               rows of a tile, 32 wide: of places read where filters are
//                                           few, of places written where channels are
//   kStages                                 of a warp's copies, with few filters
// One side has at most 4 channels, the other a multiple of 32; all tensors begin at multiples of 16.
#include "async_copies.cuh"
#include "tensor_cores.cuh"

constexpr int kWarps = kThreads / 32;
constexpr int kTaps = kRows * kColumns;
extern __shared__ __align__(16) unsigned char shared_memory[];

struct Place {
  int image, row, column;  // of a tile's first place
};
template <int kHigh, int kWide>
inline Place place_of(int tile) {
  constexpr int kTilesAcross = (kAcross + kWide - 1) / kWide;
  constexpr int kTilesDown = (kDown + kHigh - 1) / kHigh;
  return {tile / kTilesAcross / kTilesDown, tile / kTilesAcross % kTilesDown * kHigh,
          tile % kTilesAcross * kWide};
}

inline unsigned bits_of(T number) {
  return number.bits;
}
inline bool is_in_picture(int row, int column) {
  return row >= 0 && row < kHeight && column >= 0 && column < kWidth;
}

// --- many channels, few filters: every place read gives its share in each filter and tap, which are
// the columns of one product; the shares are then added up where they belong.
namespace few {

constexpr int kShares = kTaps * kFilters;
constexpr int kBlocks = (kShares + 7) / 8;  // of 8 columns
constexpr int kLine = kShares | 1;          // floats of a place in shared memory
constexpr int kHigh = kTileDown - kRows + 1;
constexpr int kWide = 32 - kColumns + 1;
constexpr int kPart = kChannels % 64 == 0 ? 64 : 32;  // channels that are copied at a time
constexpr int kParts = kChannels / kPart;
constexpr int kStride = kPart + 8;             // of places in shared memory
constexpr int kTileRows = kTileDown / kWarps;  // of a warp
constexpr int kUnits = kTileRows * kParts;     // copies of a warp for a tile

// As right factors: 16 channels, 8 shares.
inline void load_weights(uint2 *to, const T *weight) {
  for (int i = threadIdx.x; i < kChannels / 16 * kBlocks * 32; i += kThreads) {
    const int lane = i % 32;
    const int share = i / 32 % kBlocks * 8 + lane / 4;
    const int c = i / 32 / kBlocks * 16 + lane % 4 * 2;
    const int tap = share / kFilters;
    unsigned bits[4] = {};
#pragma unroll
    for (int k = 0; k < 4 && share < kShares; ++k)
      bits[k] = bits_of(weight[weight_at(share % kFilters, tap / kColumns, tap % kColumns,
                                         c + k % 2 + k / 2 * 8)]);
    to[i] = make_uint2(bits[0] | bits[1] << 16, bits[2] | bits[3] << 16);
  }
}

// A warp's copies, in order: of each of its tiles its rows, of each row all channels. `unit` counts them.
inline void copy_unit(T *to, const T *x, int unit, int tiles) {
  constexpr int kPieces = kPart / 8;
  const int tile = blockIdx.x + unit / kUnits * gridDim.x;
  if (tile < tiles) {
    const Place place = place_of<kHigh, kWide>(tile);
    const int of_tile = unit % kUnits / kParts * kWarps + threadIdx.x / 32;
    const int row = place.row - kTop + of_tile;
    const T *from =
        x + ((long long)place.image * kHeight + row) * kWidth * kChannels + unit % kParts * kPart;
#pragma unroll
    for (int i = threadIdx.x % 32; i < 32 * kPieces; i += 32) {
      const int column = place.column - kLeft + i / kPieces;
      const bool inside = is_in_picture(row, column);
      copy_async<16>(to + i / kPieces * kStride + i % kPieces * 8,
                     inside ? from + (long long)column * kChannels + i % kPieces * 8 : x, inside);
    }
  }
  end_copies();
}

// The shares that some channels of 32 places give.
inline void add_unit(float (&sums)[2][kBlocks][4], const T *own, const uint2 *weights, int part) {
  const int lane = threadIdx.x % 32;
#pragma unroll
  for (int step = 0; step < kPart / 16; ++step) {
    unsigned left[2][4];
#pragma unroll
    for (int i = 0; i < 2; ++i)
      load_matrices(left[i], own + (i * 16 + lane % 16) * kStride + step * 16 + lane / 16 * 8);
#pragma unroll
    for (int block = 0; block < kBlocks; ++block) {
      const uint2 right = weights[((part * (kPart / 16) + step) * kBlocks + block) * 32 + lane];
      multiply_add(sums[0][block], left[0], right.x, right.y, T());
      multiply_add(sums[1][block], left[1], right.x, right.y, T());
    }
  }
}

inline void keep_shares(float *shares, const float (&sums)[2][kBlocks][4]) {
  const int g = threadIdx.x % 32 / 4;
#pragma unroll
  for (int block = 0; block < kBlocks; ++block) {
#pragma unroll
    for (int i = 0; i < 8; ++i) {
      const int share = block * 8 + threadIdx.x % 4 * 2 + i % 2;
      if (share < kShares) shares[(g + i / 2 * 8) * kLine + share] = sums[i / 4][block][i % 4];
    }
  }
}

inline void write_tile(T *y, const float *shares, const T *bias, const Place &place) {
  for (int i = threadIdx.x; i < kHigh * kWide; i += kThreads) {
    const int row = place.row + i / kWide;
    const int column = place.column + i % kWide;
    if (row >= kDown || column >= kAcross) continue;
    T *to = y + (((long long)place.image * kDown + row) * kAcross + column) * kFilters;
    const float *from = shares + (i / kWide * 32 + i % kWide) * kLine;
#pragma unroll
    for (int filter = 0; filter < kFilters; ++filter) {
      float sum = kBias ? number(bias[filter]) : 0;
#pragma unroll
      for (int tap = 0; tap < kTaps; ++tap)
        sum += from[(tap / kColumns * 32 + tap % kColumns) * kLine + tap * kFilters + filter];
      to[filter] = Store<T>::from(sum);
    }
  }
}

inline void run(const T *x, const T *weight, const T *bias, T *y, int tiles) {
  uint2 *weights = reinterpret_cast<uint2 *>(shared_memory);
  T *copies = reinterpret_cast<T *>(weights + kChannels / 16 * kBlocks * 32) +
              threadIdx.x / 32 * kStages * 32 * kStride;
  float *shares =
      reinterpret_cast<float *>(reinterpret_cast<T *>(weights + kChannels / 16 * kBlocks * 32) +
                                kWarps * kStages * 32 * kStride);
#pragma unroll
  for (int unit = 0; unit < kStages - 1; ++unit)
    copy_unit(copies + unit * 32 * kStride, x, unit, tiles);
  load_weights(weights, weight);
  int unit = 0;
  for (int tile = blockIdx.x; tile < tiles; tile += gridDim.x) {
    __syncthreads();  // weights are there, and the last tile's shares are done with
    for (int row = 0; row < kTileRows; ++row) {
      float sums[2][kBlocks][4] = {};
      for (int part = 0; part < kParts; ++part, ++unit) {
        wait_for_copies<kStages - 2>();
        __syncwarp();  // all lanes' copies are there, and the oldest stage is done with
        copy_unit(copies + (unit + kStages - 1) % kStages * 32 * kStride, x, unit + kStages - 1,
                  tiles);
        add_unit(sums, copies + unit % kStages * 32 * kStride, weights, part);
      }
      keep_shares(shares + (row * kWarps + threadIdx.x / 32) * 32 * kLine, sums);
    }
    __syncthreads();
    write_tile(y, shares, bias, place_of<kHigh, kWide>(tile));
  }
}

}  // namespace few

// --- few channels, many filters: a product whose rows are what each place's window reads.
namespace many {

constexpr int kReads = kTaps * kChannels;
constexpr int kSteps = (kReads + 15) / 16;
constexpr int kGroups = kFilters / 32;  // of four blocks of 8 columns
constexpr int kInDown = kTileDown + kRows - 1;
constexpr int kInAcross = 32 + kColumns - 1;
constexpr int kInside = kInDown * kInAcross * kChannels;
constexpr int kReadsOfThread = (kInside + kThreads - 1) / kThreads;
constexpr int kPiece = kFilters % 64 == 0 ? 64 : 32;  // filters that are written at a time
constexpr int kLine = kPiece + 32;  // of places in shared memory: no two of two rows meet in a bank

// Columns are dealt out so that a lane's sums of four blocks are eight neighbouring filters.
inline void load_weights(uint2 *to, const T *weight) {
  for (int i = threadIdx.x; i < kGroups * kSteps * 4 * 32; i += kThreads) {
    const int lane = i % 32;
    const int block = i / 32 % 4;
    const int step = i / 128 % kSteps;
    const int g = lane / 4;
    const int filter = i / 128 / kSteps * 32 + g / 2 * 8 + block * 2 + g % 2;
    unsigned bits[4] = {};
#pragma unroll
    for (int k = 0; k < 4; ++k) {
      const int read = step * 16 + lane % 4 * 2 + k % 2 + k / 2 * 8;
      const int tap = read / kChannels;
      if (read < kReads)
        bits[k] =
            bits_of(weight[weight_at(filter, tap / kColumns, tap % kColumns, read % kChannels)]);
    }
    to[i] = make_uint2(bits[0] | bits[1] << 16, bits[2] | bits[3] << 16);
  }
}

// What a tile's windows read, with zeros around the picture: into registers, so that it arrives while
// the last tile is worked on.
inline void fetch_tile(unsigned short (&to)[kReadsOfThread], const T *x, int tile, int tiles) {
  const Place place = place_of<kTileDown, 32>(tile);
#pragma unroll
  for (int k = 0; k < kReadsOfThread; ++k) {
    const int i = threadIdx.x + k * kThreads;
    const int row = place.row - kTop + i / kChannels / kInAcross;
    const int column = place.column - kLeft + i / kChannels % kInAcross;
    const long long at = ((long long)place.image * kHeight + row) * kWidth + column;
    const bool inside = tile < tiles && i < kInside && is_in_picture(row, column);
    to[k] = inside ? bits_of(x[at * kChannels + i % kChannels]) : 0;
  }
}

// Whole lines of memory: kPiece filters of 32 places, from the warp's shared memory.
inline void write_piece(const T *own, T *to, const Place &place, int row, int piece) {
  constexpr int kPieces = kPiece / 8;
  __syncwarp();
#pragma unroll
  for (int i = threadIdx.x % 32; i < 32 * kPieces; i += 32) {
    const int column = place.column + i / kPieces;
    if (row < kDown && column < kAcross)
      *reinterpret_cast<uint4 *>(to + (long long)column * kFilters + piece * kPiece +
                                 i % kPieces * 8) =
          *reinterpret_cast<const uint4 *>(own + i / kPieces * kLine + i % kPieces * 8);
  }
  __syncwarp();
}

// 32 places, a row of the tile.
inline void filter_row(const unsigned short *read, const uint2 *weights, const T *bias, T *own,
                       T *y, const Place &place, int tile_row) {
  const int g = threadIdx.x % 32 / 4;
  const int t = threadIdx.x % 4;
  unsigned left[2][kSteps][4];
#pragma unroll
  for (int step = 0; step < kSteps; ++step) {
#pragma unroll
    for (int i = 0; i < 2; ++i) {
      unsigned bits[2][4];
#pragma unroll
      for (int k = 0; k < 2; ++k) {
        const int r = step * 16 + i * 8 + t * 2 + k;
        const int tap = r < kReads ? r / kChannels : 0;
        const int offset =
            r < kReads ? (tap / kColumns * kInAcross + tap % kColumns) * kChannels + r % kChannels
                       : 0;
#pragma unroll
        for (int place_of_lane = 0; place_of_lane < 4; ++place_of_lane)
          bits[k][place_of_lane] =
              r >= kReads
                  ? 0
                  : read[(tile_row * kInAcross + g + place_of_lane * 8) * kChannels + offset];
      }
#pragma unroll
      for (int half = 0; half < 4; ++half)
        left[half / 2][step][i * 2 + half % 2] = bits[0][half] | bits[1][half] << 16;
    }
  }
  const int row = place.row + tile_row;
  T *to = y + ((long long)place.image * kDown + row) * kAcross * kFilters;
#pragma unroll 1
  for (int group = 0; group < kGroups; ++group) {
    float sums[2][4][4];
    Pack<T, 8> added = {};
    if (kBias) added = load_pack<8>(bias + group * 32 + t * 8);
#pragma unroll
    for (int block = 0; block < 4; ++block) {
#pragma unroll
      for (int i = 0; i < 4; ++i)
        sums[0][block][i] = sums[1][block][i] = number(added.at[block * 2 + i % 2]);
    }
#pragma unroll
    for (int step = 0; step < kSteps; ++step) {
#pragma unroll
      for (int block = 0; block < 4; ++block) {
        const uint2 right = weights[((group * kSteps + step) * 4 + block) * 32 + threadIdx.x % 32];
        multiply_add(sums[0][block], left[0][step], right.x, right.y, T());
        multiply_add(sums[1][block], left[1][step], right.x, right.y, T());
      }
    }
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      unsigned out[4];
#pragma unroll
      for (int block = 0; block < 4; ++block)
        out[block] = pair_of(sums[i / 2][block][i % 2 * 2], sums[i / 2][block][i % 2 * 2 + 1], T());
      *reinterpret_cast<uint4 *>(own + (g + i * 8) * kLine + group * 32 % kPiece + t * 8) =
          make_uint4(out[0], out[1], out[2], out[3]);
    }
    if ((group + 1) * 32 % kPiece == 0) write_piece(own, to, place, row, group * 32 / kPiece);
  }
}

inline void run(const T *x, const T *weight, const T *bias, T *y, int tiles) {
  uint2 *weights = reinterpret_cast<uint2 *>(shared_memory);
  T *own = reinterpret_cast<T *>(weights + kGroups * kSteps * 4 * 32);
  auto *read = reinterpret_cast<unsigned short *>(own + kWarps * 32 * kLine);
  own += threadIdx.x / 32 * 32 * kLine;
  unsigned short next[kReadsOfThread];
  fetch_tile(next, x, blockIdx.x, tiles);
  load_weights(weights, weight);
  for (int tile = blockIdx.x; tile < tiles; tile += gridDim.x) {
    __syncthreads();  // the last tile is done with
#pragma unroll
    for (int k = 0; k < kReadsOfThread; ++k) {
      const int i = threadIdx.x + k * kThreads;
      if (i < kInside) read[i] = next[k];
    }
    __syncthreads();
    fetch_tile(next, x, tile + gridDim.x, tiles);
    const Place place = place_of<kTileDown, 32>(tile);
    for (int row = threadIdx.x / 32; row < kTileDown; row += kWarps)
      filter_row(read, weights, bias, own, y, place, row);
  }
}

}  // namespace many

extern "C" __global__ void __launch_bounds__(kThreads, kFilters <= 4 ? 1 : 2)
    edge_convolution(const T *x, const T *weight, const T *bias, T *y, long long tiles) {
  if constexpr (kFilters <= 4)
    few::run(x, weight, bias, y, (int)tiles);
  else
    many::run(x, weight, bias, y, (int)tiles);
}
