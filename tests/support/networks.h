// Programs with the shapes of real networks, for tests and benchmarks of what the host does with
// them. They hold no weights; what they compute is plausible, not trained.
#pragma once

#include "core/program/program.h"

namespace flame::testing_support {

// A U-Net as SDXL has: residual blocks, transformers with self and cross attention, skips.
struct UNetShape {
  int64_t batch = 1;
  int64_t height = 128;  // of the latent
  int64_t width = 128;
  std::vector<int64_t> channels = {320, 640, 1280};
  std::vector<int64_t> depths = {0, 2, 10};  // transformer layers of each level
  int64_t head = 64;
  int64_t context_width = 2048;
  int64_t context_tokens = 77;
  int64_t layers = 2;  // residual blocks of each level on the way down
};
// Inputs "x", "embedding", "context"; output "y", and the scalar "loss" of y against "target".
// Every linear's weight is trainable if `train_linears`, nothing else is.
Result<Program> unet(const UNetShape &shape, DType dtype, bool train_linears);

// The decoder of a VAE: latent [b, h, w, 4] to picture [b, 8h, 8w, 3]; with a loss as above, and
// linears that are trainable if `train`.
struct DecoderShape {
  int64_t batch = 1;
  int64_t height = 128;
  int64_t width = 128;
  std::vector<int64_t> channels = {512, 512, 256, 128};
};
Result<Program> decoder(const DecoderShape &shape, DType dtype, bool train);

// Transformer layers with rope and modulation over one stream of tokens, as Flux has.
struct StreamShape {
  int64_t batch = 1;
  int64_t tokens = 4608;
  int64_t width = 3072;
  int64_t head = 128;
  int64_t layers = 38;
};
Result<Program> stream(const StreamShape &shape, DType dtype, bool train);

// One block of the U-Net alone, with every weight trainable.
struct BlockShape {
  int64_t batch = 4;
  int64_t height = 16;
  int64_t width = 16;
  int64_t channels = 256;
  int64_t head = 64;
  int64_t context_tokens = 77;
  int64_t context_width = 256;
  int64_t embedding_width = 1024;
};
Result<Program> residual_block(const BlockShape &shape, DType dtype);
Result<Program> transformer_block(const BlockShape &shape, DType dtype);

}  // namespace flame::testing_support
