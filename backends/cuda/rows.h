// Kernels that work on rows: the elements along one axis, shared by some threads.
#pragma once

#include <string>

#include "backends/cuda/axes.h"
#include "backends/cuda/kernel_plan.h"

namespace flame::cuda {

// The definitions of rows.cuh for one shape and axis. Tensors are added first, then launch().
class RowKernel {
 public:
  RowKernel(const Sizes &shape, size_t axis, flame_dtype dtype);

  // A tensor that broadcasts to the shape: defines row_NAME(r) and step_NAME.
  void add(const std::string &name, const flame_tensor &tensor);
  // One number for each row, row-major over the shape without the axis: defines row_NAME(r).
  void add_scalars(const std::string &name);

  int64_t row_count() const { return row_count_; }
  Definitions &definitions() { return definitions_; }
  // One launch of `entry` in `file`; the number of rows comes as the last argument.
  KernelLaunch launch(const char *file, const char *entry, std::vector<Argument> arguments);

 private:
  Sizes shape_;
  size_t axis_;
  Sizes row_sizes_;
  flame_dtype dtype_;
  int64_t row_count_;
  int64_t vector_;
  bool wide_ = false;
  Definitions definitions_;
  std::string offsets_;
};

}  // namespace flame::cuda
