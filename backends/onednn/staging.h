// Tensors of bf16 and f16 for primitives that take f32 alone: whole copies in the workspace.
#pragma once

#include <vector>

#include "backends/onednn/op_plan.h"

namespace flame::onednn {

// True if oneDNN computes with it on this processor as quickly as with f32.
bool is_native(flame_dtype dtype);

// The inputs and outputs of an op as a primitive gets them: where they lie, or converted. Contiguous
// where they are converted, which the constructor checks.
class Staging {
 public:
  explicit Staging(const flame::Op &op);

  // The types that the primitive sees.
  flame_dtype input_type(uint32_t index) const { return inputs_[index].type(); }
  flame_dtype output_type(uint32_t index) const { return outputs_[index].type(); }

  void reserve(Workspace workspace);
  // The input's data, converted now if it must be.
  const void *input(const Run &run, uint32_t index) const;
  // Where the primitive writes; store() then converts.
  void *output(const Run &run, uint32_t index) const;
  void store(const Run &run, uint32_t index) const;

 private:
  struct Tensor {
    flame_dtype dtype;
    int64_t count;
    bool staged;
    uint64_t offset = 0;
    flame_dtype type() const { return staged ? FLAME_DTYPE_F32 : dtype; }
  };
  Tensor tensor_of(const flame::Op &op, std::string_view name, const flame_tensor &tensor) const;

  std::vector<Tensor> inputs_;
  std::vector<Tensor> outputs_;
  bool all_native_ = true;
};

}  // namespace flame::onednn
