// Products of small matrices by the tensor cores, in the form that chips from sm_80 on have: 16×16
// times 16×8 of bf16 or f16, summed in f32. Of a warp, lane l has g = l / 4 and t = l % 4; it holds
//   left 16×16    [0] row g, columns 2t and 2t+1; [1] row g+8; [2], [3] the same with columns + 8
//   right 16×8    [0] column g, rows 2t and 2t+1; [1] rows + 8
//   sum 16×8      [0], [1] row g, columns 2t and 2t+1; [2], [3] row g+8
#pragma once

#include "elements.cuh"

inline void multiply_add(float (&sum)[4], const unsigned (&left)[4], unsigned right0,
                         unsigned right1, bf16) {
  asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, "
      "{%8, %9}, {%0, %1, %2, %3};"
      : "+f"(sum[0]), "+f"(sum[1]), "+f"(sum[2]), "+f"(sum[3])
      : "r"(left[0]), "r"(left[1]), "r"(left[2]), "r"(left[3]), "r"(right0), "r"(right1));
}
inline void multiply_add(float (&sum)[4], const unsigned (&left)[4], unsigned right0,
                         unsigned right1, f16) {
  asm("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, "
      "{%8, %9}, {%0, %1, %2, %3};"
      : "+f"(sum[0]), "+f"(sum[1]), "+f"(sum[2]), "+f"(sum[3])
      : "r"(left[0]), "r"(left[1]), "r"(left[2]), "r"(left[3]), "r"(right0), "r"(right1));
}

// Four 8×8 matrices of 2-byte elements from shared memory: lanes 8i to 8i+7 name the rows of the i-th,
// and get row g, columns 2t and 2t+1 of each; transposed: column g, rows 2t and 2t+1.
inline void load_matrices(unsigned (&out)[4], const void *row) {
  const unsigned address = (unsigned)__cvta_generic_to_shared(row);
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(out[0]), "=r"(out[1]), "=r"(out[2]), "=r"(out[3])
               : "r"(address)
               : "memory");
}
inline void load_transposed(unsigned (&out)[4], const void *row) {
  const unsigned address = (unsigned)__cvta_generic_to_shared(row);
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(out[0]), "=r"(out[1]), "=r"(out[2]), "=r"(out[3])
               : "r"(address)
               : "memory");
}

// 8×8 elements of two bytes, of which a lane holds row g, columns 2t and 2t+1, as column g, rows 2t and 2t+1.
inline unsigned transposed(unsigned pair) {
  unsigned out;
  asm("movmatrix.sync.aligned.m8n8.trans.b16 %0, %1;" : "=r"(out) : "r"(pair));
  return out;
}

// Two neighbours in one register, the first in the low half.
inline unsigned pair_of(float low, float high, bf16) {
  unsigned out;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(out) : "f"(high), "f"(low));
  return out;
}
inline unsigned pair_of(float low, float high, f16) {
  unsigned out;
  asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(out) : "f"(high), "f"(low));
  return out;
}

// 2 to the power of x.
inline float power_of_two(float x) {
  float out;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(out) : "f"(x));
  return out;
}
