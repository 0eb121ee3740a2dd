#include "backends/onednn/staging.h"

#include "backends/onednn/convert.h"
#include "flame/op_checks.hpp"

namespace flame::onednn {

bool is_native(flame_dtype dtype) {
  if (dtype != FLAME_DTYPE_BF16) return dtype == FLAME_DTYPE_F32;
  switch (dnnl::get_effective_cpu_isa()) {
    case dnnl::cpu_isa::avx512_core_bf16:
    case dnnl::cpu_isa::avx512_core_fp16:
    case dnnl::cpu_isa::avx512_core_amx:
    case dnnl::cpu_isa::avx512_core_amx_fp16:
      return true;
    default:
      return false;
  }
}

Staging::Staging(const flame::Op &op) {
  // Either all tensors are as they lie, or all are f32: primitives take few mixtures.
  for (uint32_t i = 0; i < op.input_count(); ++i) all_native_ &= is_native(op.input(i).dtype);
  for (uint32_t i = 0; i < op.output_count(); ++i) all_native_ &= is_native(op.output(i).dtype);
  for (uint32_t i = 0; i < op.input_count(); ++i) {
    inputs_.push_back(tensor_of(op, flame::text("input ", i), op.input(i)));
  }
  for (uint32_t i = 0; i < op.output_count(); ++i) {
    outputs_.push_back(tensor_of(op, flame::text("output ", i), op.output(i)));
  }
}

Staging::Tensor Staging::tensor_of(const flame::Op &op, std::string_view name,
                                   const flame_tensor &tensor) const {
  const bool staged = !all_native_ && tensor.dtype != FLAME_DTYPE_F32;
  if (staged) expect_contiguous(op, name, tensor);
  return {tensor.dtype, flame::element_count(tensor), staged};
}

void Staging::reserve(Workspace workspace) {
  for (std::vector<Tensor> *tensors : {&inputs_, &outputs_}) {
    for (Tensor &tensor : *tensors) {
      if (!tensor.staged) continue;
      tensor.offset = workspace.reserve(static_cast<uint64_t>(tensor.count) * sizeof(float));
    }
  }
}

const void *Staging::input(const Run &run, uint32_t index) const {
  const Tensor &tensor = inputs_[index];
  if (!tensor.staged) return run.input<char>(index);
  auto *to = run.scratch<float>(tensor.offset);
  to_f32_parallel(tensor.dtype, run.input<char>(index), tensor.count, to);
  return to;
}

void *Staging::output(const Run &run, uint32_t index) const {
  const Tensor &tensor = outputs_[index];
  if (!tensor.staged) return run.output<char>(index);
  return run.scratch<float>(tensor.offset);
}

void Staging::store(const Run &run, uint32_t index) const {
  const Tensor &tensor = outputs_[index];
  if (!tensor.staged) return;
  from_f32_parallel(tensor.dtype, run.scratch<float>(tensor.offset), tensor.count,
                    run.output<char>(index));
}

}  // namespace flame::onednn
