#include "backends/cuda/checks.h"

#include <algorithm>

namespace flame::cuda {
namespace {

template <typename Check>
void for_each_tensor(const flame::Op &op, const Check &check) {
  for (uint32_t i = 0; i < op.input_count(); ++i) check(flame::text("input ", i), op.input(i));
  for (uint32_t i = 0; i < op.output_count(); ++i) check(flame::text("output ", i), op.output(i));
}

}  // namespace

bool is_float(flame_dtype dtype) {
  return dtype == FLAME_DTYPE_F32 || dtype == FLAME_DTYPE_BF16 || dtype == FLAME_DTYPE_F16;
}

void expect_attributes(const flame::Op &op, std::initializer_list<std::string_view> known) {
  for (const flame_attribute &attribute : op.attributes()) {
    const std::string_view name = flame::view(attribute.name);
    if (std::find(known.begin(), known.end(), name) != known.end()) continue;
    throw flame::unsupported(op.name(), " with the attribute '", name, "' is not known here");
  }
}

void expect_floats(const flame::Op &op) {
  for_each_tensor(op, [&](const std::string &name, const flame_tensor &tensor) {
    if (is_float(tensor.dtype)) return;
    throw flame::unsupported(
        op.name(), " takes f32, bf16 and f16, but ", name, " is ", flame::dtype_name(tensor.dtype),
        tensor.dtype == FLAME_DTYPE_F64 ? "; the backend 'reference' computes in f64" : "");
  });
}

void expect_contiguous(const flame::Op &op, std::string_view name, const flame_tensor &tensor) {
  if (flame::is_contiguous(tensor) || flame::element_count(tensor) == 0) return;
  throw flame::unsupported(op.name(), " needs contiguous tensors, but ", name, ", ",
                           flame::to_text(tensor), ", is strided");
}

void expect_all_contiguous(const flame::Op &op, uint32_t free) {
  for_each_tensor(op, [&](const std::string &name, const flame_tensor &tensor) {
    if (free < op.input_count() && &tensor == &op.input(free)) return;
    expect_contiguous(op, name, tensor);
  });
}

}  // namespace flame::cuda
