// Measuring what a library offers, on scratch memory, while a plan is made.
#pragma once

#include <functional>
#include <vector>

#include "backends/cuda/context.h"

namespace flame::cuda {

// A stream and device memory for measurements; all of it is given back at the end. Without enough
// free memory ok() is false, and nothing can be measured.
class Scratch {
 public:
  // Buffers of these many bytes, filled with random numbers of any float type.
  Scratch(Context &context, const std::vector<uint64_t> &sizes);
  ~Scratch();
  Scratch(const Scratch &) = delete;
  Scratch &operator=(const Scratch &) = delete;

  bool ok() const { return ok_; }
  char *buffer(size_t index) const { return buffers_[index]; }
  CUstream stream() const { return stream_; }

  // Microseconds of one run of `enqueue`: the median over replays of a graph of several.
  double measure(const std::function<void(CUstream)> &enqueue) const;

 private:
  CUstream stream_ = nullptr;
  std::vector<char *> buffers_;
  bool ok_ = true;
};

// Which of `count` ways is quickest; `time_of` measures one of them once. The first is the library's
// own choice and stays, unless another is clearly quicker. All that have hope are measured twice, and
// those that then come near to each other again in turn, since a GPU's clock falls while it works.
size_t quickest(size_t count, const std::function<double(size_t)> &time_of);

}  // namespace flame::cuda
