#include "backends/reference/check_op.h"

#include <algorithm>
#include <string>
#include <vector>

#include "backends/reference/kernel.h"
#include "flame/map_code.hpp"
#include "flame/op_checks.hpp"

namespace flame::reference {
namespace {

// The attributes that a kernel takes part of the meaning from; those of shapes and types are told by
// the tensors, and read by no kernel.
struct KnownAttributes {
  std::string_view op;
  std::vector<std::string_view> names;
};

const KnownAttributes kKnownAttributes[] = {
    {"argreduce", {"kind", "axis", "keep_dims"}},
    {"concat", {"axis"}},
    {"conv2d", {"stride", "padding", "dilation", "groups"}},
    {"conv2d_input_grad", {"stride", "padding", "dilation", "groups", "size"}},
    {"conv2d_weight_grad", {"stride", "padding", "dilation", "groups", "window"}},
    {"copy", {"dtype"}},
    {"cumsum", {"axis", "exclusive", "reverse"}},
    {"fill", {"shape", "value", "dtype"}},
    {"gather", {"axis"}},
    {"iota", {"shape", "axis", "start", "step", "dtype"}},
    {"map", {"code", "dtypes"}},
    {"matmul", {"transpose_a", "transpose_b", "dtype"}},
    {"pool2d", {"kind", "window", "stride", "padding", "count_include_pad", "output_size"}},
    {"pool2d_grad",
     {"kind", "window", "stride", "padding", "count_include_pad", "output_size", "size"}},
    {"random", {"kind", "shape", "stream", "dtype"}},
    {"reduce", {"kind", "axes", "keep_dims", "dtype"}},
    {"scatter_add", {"axis"}},
    {"sort", {"axis", "descending"}},
};

void check_attributes(const Op &op) {
  const auto *known = std::find_if(std::begin(kKnownAttributes), std::end(kKnownAttributes),
                                   [&](const auto &row) { return row.op == op.name(); });
  expect_attributes(op, known->names);
  for (const std::string_view name : known->names) {
    if (!op.attributes().find(name))
      throw unsupported(op.name(), " needs the attribute '", name, "', which is missing");
  }
}

void check_tensor(const Op &op, const flame_tensor &tensor) {
  if (tensor.device != FLAME_DEVICE_CPU) {
    throw unsupported(op.name(), " was given a tensor on device ", tensor.device,
                      ", whose memory the processor cannot read");
  }
  if (tensor.rank > FLAME_MAX_RANK) {
    throw unsupported(op.name(), " was given a tensor of ", tensor.rank, " axes; the most is ",
                      FLAME_MAX_RANK);
  }
  static constexpr flame_dtype kKnownTypes[] = {
      FLAME_DTYPE_F64,     FLAME_DTYPE_F32, FLAME_DTYPE_F16, FLAME_DTYPE_BF16, FLAME_DTYPE_F8_E4M3,
      FLAME_DTYPE_F8_E5M2, FLAME_DTYPE_I64, FLAME_DTYPE_I32, FLAME_DTYPE_U8,   FLAME_DTYPE_BOOL};
  if (std::find(std::begin(kKnownTypes), std::end(kKnownTypes), tensor.dtype) ==
      std::end(kKnownTypes)) {
    throw unsupported(op.name(), " was given a tensor of type ", dtype_name(tensor.dtype), " (",
                      tensor.dtype, "), which this backend does not know");
  }
}

void check_map_code(const Op &op) {
  MapCode code;
  std::string error;
  if (read_map_code(op.attributes().string("code"), op.input_count(), code, error)) return;
  throw unsupported("map: ", error);
}

}  // namespace

void check_op(const Op &op) {
  if (!find_kernel(op.name())) {
    throw unsupported("the reference backend has the required ops of the catalogue alone, and '",
                      op.name(),
                      "' is none of them; it is done by its decomposition, if it has one");
  }
  check_attributes(op);
  for (uint32_t i = 0; i < op.input_count(); ++i) check_tensor(op, op.input(i));
  for (uint32_t i = 0; i < op.output_count(); ++i) check_tensor(op, op.output(i));
  if (op.name() == "map") check_map_code(op);
}

}  // namespace flame::reference
