// p = exp(scores + mask - lse) and da = p · (dp - δ) of a slice of queries, with δ = Σ dy · y; and
// sums of f32 stored in the tensors' type. In front of it stand what attention_rows.cuh names, and
// kColumns (of y), kYHead, kYRow, kDyHead, kDyRow.
#include "attention_rows.cuh"

// Scores, dp, p and da are [heads, queries, kKeys]; p may stand in the memory of the scores, and da in
// that of dp. `dy`, `y`, `lse` and `mask` begin at the image.
extern "C" __global__ void __launch_bounds__(kThreads)
    attention_grad(const A *scores, const A *dp, T *p, T *da, const T *dy, const T *y, const A *lse,
                   const M *mask, long long queries, long long first, long long all_queries) {
  const long long head = blockIdx.x / queries;
  const long long query = first + blockIdx.x % queries;
  const T *dy_row = dy + head * kDyHead + query * kDyRow;
  const T *y_row = y + head * kYHead + query * kYRow;
  A delta = 0;
  for (int e = threadIdx.x; e < kColumns; e += kThreads)
    delta += (A)number(dy_row[e]) * (A)number(y_row[e]);
  delta = join_block<Sum<A>>(delta);
  const A base = lse[head * all_queries + query];
  const M *of_row = mask + head * kMaskHead + query * kMaskRow;
  const long long row = (long long)blockIdx.x * kKeys;
  for (int key = threadIdx.x; key < kKeys; key += kThreads) {
    const A score = masked(scores[row + key], of_row, query, key);
    const A share = base == lowest() ? (A)0 : exp(score - base);
    const A product = dp[row + key];
    // A single key's p is 1 and its v is y: what is left is 0 exactly.
    const A apart = kKeys == 1 ? product - product : product - delta;
    p[row + key] = Store<T>::from(share);
    da[row + key] = Store<T>::from(share * apart);
  }
}

extern "C" __global__ void __launch_bounds__(kThreads)
    store_sums(const A *sums, T *to, long long count) {
  for (long long e = (long long)blockIdx.x * kThreads + threadIdx.x; e < count;
       e += (long long)gridDim.x * kThreads)
    to[e] = Store<T>::from(sums[e]);
}
