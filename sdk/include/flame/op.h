/* One op, as it stands in a program and as a backend gets it. The catalogue (names, formulas,
 * attributes, element types) is the host's and is listed in docs/ops.md; a vendor's own ops are
 * named "com.vendor.name". */
#ifndef FLAME_OP_H
#define FLAME_OP_H

#include "flame/attribute.h"
#include "flame/tensor.h"

FLAME_BEGIN_C

/* Owned by the caller; valid until the call returns. The tensors carry type, shape, strides and
 * device, but no data. The host has checked the op against the catalogue: every attribute is there,
 * in the catalogue's order and normal form, and optional inputs are left out from the end alone, so
 * that no pointer is null. */
typedef struct flame_op {
  uint32_t struct_size;
  uint32_t input_count;
  uint32_t output_count;
  uint32_t attribute_count;
  flame_str name; /* "matmul" */
  const flame_tensor *const *inputs;
  const flame_tensor *const *outputs;
  const flame_attribute *attributes;
} flame_op;

FLAME_END_C

#endif
