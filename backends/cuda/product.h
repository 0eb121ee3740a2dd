// Products of matrices by cuBLASLt: y = alpha · a · b + c + a bias for each column.
#pragma once

#include <optional>

#include "backends/cuda/axes.h"
#include "backends/cuda/context.h"

namespace flame::cuda {

// A batch of matrices: where the element (i, j) of the matrix b lies. One of row and column is 1.
struct MatrixStrides {
  int64_t row = 0;
  int64_t column = 1;
  int64_t batch = 0;
};

enum class Addend {
  kNone,
  kMatrix,  // c; it may be y itself
  kBias,    // one number for each column
  kBoth,
};

inline bool has_matrix(Addend addend) {
  return addend == Addend::kMatrix || addend == Addend::kBoth;
}
inline bool has_bias(Addend addend) {
  return addend == Addend::kBias || addend == Addend::kBoth;
}

struct ProductShape {
  flame_dtype input = 0;                   // of a and b
  flame_dtype output = 0;                  // of y and the addend: input, or f32
  int64_t m = 0, n = 0, k = 0, batch = 1;  // none of them 0
  MatrixStrides a, b, y;                   // y's columns are 1 apart
  double alpha = 1;
  Addend addend = Addend::kNone;
  bool tf32 = false;
  MatrixStrides c = {};  // of a matrix added; if not given, y's
  // Of f8: b's own type, and a and b each have a factor in the device's memory.
  flame_dtype input_b = 0;  // if not given, a's
  bool scaled = false;
};

// The factors of a and b, one f32 each.
struct Scales {
  const char *a = nullptr;
  const char *b = nullptr;
};

// What is added, as the shape says; the rest is null.
struct Added {
  const char *matrix = nullptr;
  const char *bias = nullptr;
};

// An axis of size 1 has any stride; this gives those of a plain layout. False if cuBLASLt does not
// take the strides of an m by n matrix.
bool settle_strides(MatrixStrides &strides, int64_t m, int64_t n);

// One product with its algorithm chosen. Runs one at a time. The bits of two runs are the same.
class Product {
 public:
  explicit Product(const ProductShape &shape);
  ~Product();
  Product(const Product &) = delete;
  Product &operator=(const Product &) = delete;

  // Chooses, by measuring if that is wanted and worth it. False if cuBLASLt has no algorithm.
  bool prepare(Context &context, bool measured = true);
  uint64_t workspace_size() const { return workspace_size_; }  // after prepare()
  // Enqueues. Of f8 every address is a multiple of 16.
  void run(CUstream stream, const char *a, const char *b, const Added &added, char *y,
           char *workspace, const Scales &scales = {});

 private:
  struct Choice {
    cublasLtMatmulAlgo_t algorithm;
    uint64_t workspace_size;
  };

  void describe();
  cublasLtMatrixLayout_t layout(flame_dtype type, int64_t rows, int64_t columns, int64_t apart,
                                int64_t batch_stride);
  std::vector<Choice> candidates(uint32_t alignment, int most) const;
  std::string signature() const;
  // The quickest; with `in_place` where y holds the matrix that is added.
  Choice choose(Context &context, const std::vector<Choice> &offered, bool in_place) const;
  std::optional<size_t> measure(Context &context, const std::vector<Choice> &offered,
                                bool in_place) const;
  void enqueue(const Choice &choice, CUstream stream, const char *a, const char *b,
               const Added &added, char *y, char *workspace, const Scales &scales) const;
  void set_address(cublasLtMatmulDescAttributes_t name, const char *address) const;

  ProductShape shape_;
  const LtHandle *lt_ = nullptr;
  cublasLtMatmulDesc_t product_ = nullptr;
  cublasLtMatrixLayout_t a_ = nullptr;  // as cuBLASLt names them: our b
  cublasLtMatrixLayout_t b_ = nullptr;  // our a
  cublasLtMatrixLayout_t y_ = nullptr;
  cublasLtMatrixLayout_t c_ = nullptr;
  Choice aligned_ = {};    // every address is a multiple of 16
  Choice in_place_ = {};   // and y holds the matrix that is added
  Choice unaligned_ = {};  // of the element's size; of f8 there is none
  uint64_t workspace_size_ = 0;
};

}  // namespace flame::cuda
