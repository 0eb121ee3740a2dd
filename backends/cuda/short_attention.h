// Attention on a few keys, such as a text's 77 tokens, and its gradient: kernels of our own that keep
// keys and values on the chip.
#pragma once

#include "backends/cuda/attention.h"

namespace flame::cuda {

// Whether these kernels take it: bf16 or f16, heads of up to 64 channels in steps of 8, at most 128
// keys, no mask. The one place that chooses between them and cuDNN.
bool suits_short_attention(const Heads &q, const Heads &k, const Heads &v, const Mask &mask);

// All addresses are multiples of 16.
class ShortAttention {
 public:
  struct Tensors {
    const char *q, *k, *v;
    char *y, *lse;
  };

  ShortAttention(const Heads &q, const Heads &k, const Heads &v, const Mask &mask, double scale);
  std::vector<KernelSource> kernels() const { return {kernel_.source()}; }
  void prepare(Context &context) { kernel_.prepare(context); }
  void run(CUstream stream, const Tensors &tensors) const;

 private:
  int64_t blocks_;
  OwnKernel kernel_;
};

class ShortAttentionGrad {
 public:
  struct Tensors {
    const char *dy, *q, *k, *v, *y, *lse;
    char *dq, *dk, *dv;
  };

  ShortAttentionGrad(const Heads &dy, const Heads &q, const Heads &k, const Heads &v,
                     const Heads &y, const Mask &mask, double scale, const Target &target);
  std::vector<KernelSource> kernels() const { return {kernel_.source(), join_.source()}; }
  void prepare(Context &context);
  uint64_t workspace_size() const;
  void run(CUstream stream, const Tensors &tensors, char *workspace) const;

 private:
  uint32_t threads_;
  int64_t blocks_;
  int64_t parts_;
  int64_t numbers_;  // of all parts of a head
  OwnKernel kernel_;
  OwnKernel join_;
};

}  // namespace flame::cuda
