// What attention and its gradient share: heads as matrices, the mask, and the way without cuDNN:
// products by cuBLASLt and a kernel over the rows of scores, in slices of queries, so that the
// matrix of scores never takes more than a bounded part of memory.
#pragma once

#include <functional>

#include "backends/cuda/cudnn_graph.h"
#include "backends/cuda/kernel_plan.h"
#include "backends/cuda/product.h"

namespace flame::cuda {

// A tensor [b, s, h, d] as a matrix [s, d] for each b and h. Refuses strides within a row.
struct Heads {
  flame_dtype dtype;
  int64_t batch, rows, heads, columns;
  int64_t batch_stride, row_stride, head_stride;  // in elements

  Heads(const flame::Op &op, std::string_view name, const flame_tensor &tensor);

  // The matrices of one image's heads.
  MatrixStrides matrices() const { return {row_stride, 1, head_stride}; }
  // Bytes from the tensor's first element.
  int64_t offset(int64_t image, int64_t row) const {
    return (image * batch_stride + row * row_stride) * FLAME_DTYPE_BYTES(dtype);
  }
  HeadsLayout layout() const {
    return {{batch, heads, rows, columns}, {batch_stride, head_stride, row_stride, 1}};
  }
  // Whether cuDNN reads each row in whole pieces of 16 bytes.
  bool is_even() const;
};

// What is added to the scores: the mask, and -inf for later keys if causal.
struct Mask {
  // Input `index` is the mask if the op has it.
  Mask(const flame::Op &op, uint32_t index);

  bool is_there;
  bool causal;
  uint32_t index;
  flame_dtype dtype = FLAME_DTYPE_F32;
  int64_t strides[4] = {};  // over [b, h, s, t]; 0 where the mask repeats

  // Defines kMask, kTruths, kCausal, M and the strides.
  void define(Definitions &made) const;
  // The address of image `image`'s part, or 0.
  uint64_t address(const Run &run, int64_t image) const;
};

// f64 for f64, else f32: what scores are held in.
flame_dtype score_type(flame_dtype dtype);

// Queries of one slice: as many as let the scores of all heads stay within a fixed size, a small one
// if slices run seldom.
int64_t slice_rows(const Heads &q, const Heads &k, bool seldom);

// The threads of a block that shares one row of scores.
constexpr uint32_t kScoreThreads = 256;

// Whether cuDNN may be asked: its kernels know no mask that leaves a row without keys.
bool suits_cudnn(const Heads &q, const Heads &k, const Heads &v, const Mask &mask);

// Refuses types and sizes that no way here takes.
void expect_attention(const flame::Op &op);

// Two products of one shape but for the queries: of a whole slice, and of the rest.
class SlicedProduct {
 public:
  // `shape` for some number of queries.
  using Make = std::function<ProductShape(int64_t queries)>;

  void prepare(Context &context, int64_t rows, int64_t slice, const Make &make);
  uint64_t workspace_size() const;
  Product &of(int64_t queries) { return queries == slice_ ? *whole_ : *rest_; }

 private:
  int64_t slice_ = 0;
  std::unique_ptr<Product> whole_;
  std::unique_ptr<Product> rest_;
};

}  // namespace flame::cuda
