// p = softmax(scores + mask) of a slice of queries, and the rows' logarithms of sums. In front of it
// stand what attention_rows.cuh names.
#include "attention_rows.cuh"

// Scores and p are [heads, queries, kKeys]; p may stand in the scores' memory. `lse` and `mask` begin
// at the image; a head's rows of lse are `all_queries` apart.
extern "C" __global__ void __launch_bounds__(kThreads)
    attention_softmax(const A *scores, T *p, A *lse, const M *mask, long long queries,
                      long long first, long long all_queries) {
  const long long head = blockIdx.x / queries;
  const long long query = first + blockIdx.x % queries;
  const A *from = scores + (long long)blockIdx.x * kKeys;
  T *to = p + (long long)blockIdx.x * kKeys;
  const M *of_row = mask + head * kMaskHead + query * kMaskRow;
  A most = lowest();
  for (int key = threadIdx.x; key < kKeys; key += kThreads)
    most = Largest<A>::of(most, masked(from[key], of_row, query, key));
  most = join_block<Largest<A>>(most);
  const bool has_keys = most != lowest();
  A sum = 0;
  for (int key = threadIdx.x; has_keys && key < kKeys; key += kThreads)
    sum += exp(masked(from[key], of_row, query, key) - most);
  sum = join_block<Sum<A>>(sum);
  for (int key = threadIdx.x; key < kKeys; key += kThreads) {
    const A share = has_keys ? exp(masked(from[key], of_row, query, key) - most) / sum : (A)0;
    to[key] = Store<T>::from(share);
  }
  if (threadIdx.x == 0) lse[head * all_queries + query] = has_keys ? most + log(sum) : lowest();
}
