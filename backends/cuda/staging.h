// The way of plain bytes from the processor's memory to the GPU's.
#pragma once

#include <mutex>

#include "backends/cuda/stream.h"

namespace flame::cuda {

// Two blocks of pinned memory, filled in turn: while one travels, the other is filled. Memory that is
// pinned already travels by itself. Several threads may upload on streams of their own.
class Staging {
 public:
  explicit Staging(const Context &context) : context_(context) {}
  ~Staging();
  Staging(const Staging &) = delete;
  Staging &operator=(const Staging &) = delete;

  void upload(CUstream stream, const void *from, void *to, uint64_t size);

 private:
  struct Block {
    void *memory = nullptr;
    CUevent travelled = nullptr;  // the block may be filled again
  };

  const Context &context_;
  std::mutex mutex_;
  Block blocks_[2];
  int next_ = 0;
};

}  // namespace flame::cuda
