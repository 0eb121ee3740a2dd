// Graphs of cuDNN: convolutions and attention, described, planned and run. cuDNN's own headers for
// this stay in cudnn_graph.cc.
#pragma once

#include <cuda.h>

#include <memory>
#include <string>
#include <vector>

#include "flame/tensor.h"

namespace flame::cuda {

class Context;

// A described computation with its plan. Runs one at a time.
class CudnnGraph {
 public:
  virtual ~CudnnGraph() = default;
  virtual uint64_t workspace_size() const = 0;
  // Enqueues. The tensors' addresses come in the order in which the maker of the graph names them;
  // each is a multiple of 16.
  virtual void run(CUstream stream, const std::vector<void *> &tensors, void *workspace) = 0;
};

enum class Convolution {
  kForward,     // x, weight, maybe bias -> y
  kInputGrad,   // dy, weight -> dx
  kWeightGrad,  // x, dy -> dweight
};

struct ConvolutionShape {
  Convolution kind = Convolution::kForward;
  flame_dtype dtype = 0;
  std::vector<int64_t> image;   // x or dx: n, h, w, c
  std::vector<int64_t> weight;  // or dweight: o, r, s, c / groups
  std::vector<int64_t> result;  // y or dy: n, h', w', o
  std::vector<int64_t> stride, dilation;
  std::vector<int64_t> padding;  // top, bottom, left, right
  int64_t groups = 1;
  bool bias = false;
  bool tf32 = false;

  std::string text() const;
};

// [b, h, s, d] with its strides in elements; the last is 1.
struct HeadsLayout {
  int64_t sizes[4];
  int64_t strides[4];
};

struct AttentionShape {
  flame_dtype dtype = 0;
  double scale = 1;
  bool causal = false;
  bool deterministic = false;
  HeadsLayout q, k, v, y;
};

// cuDNN, open on a context.
class CudnnSession {
 public:
  virtual ~CudnnSession() = default;
  // Each gives null, and the reason, if cuDNN has no plan for it that keeps the contract's accuracy.
  // Tensors: image, weight, result, bias.
  virtual std::unique_ptr<CudnnGraph> convolution(Context &context, const ConvolutionShape &shape,
                                                  std::string &reason) = 0;
  // Tensors: q, k, v, y, lse.
  virtual std::unique_ptr<CudnnGraph> attention(const AttentionShape &shape,
                                                std::string &reason) = 0;
  // Tensors: q, k, v, y, lse, dy, dq, dk, dv; the gradients lie row-major as [b, s, h, d].
  virtual std::unique_ptr<CudnnGraph> attention_grad(const AttentionShape &shape,
                                                     const HeadsLayout &dy,
                                                     std::string &reason) = 0;
};

std::unique_ptr<CudnnSession> open_cudnn(const std::string &folder);

}  // namespace flame::cuda
