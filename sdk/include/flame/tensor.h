/* Numbers in memory: element types and the view of a tensor. */
#ifndef FLAME_TENSOR_H
#define FLAME_TENSOR_H

#include "flame/abi.h"

FLAME_BEGIN_C

/* An element type is a plain number; the high byte is a class, the low byte the bits of one
 * element. */
typedef uint32_t flame_dtype;
#define FLAME_DTYPE_F64 0x0140u
#define FLAME_DTYPE_F32 0x0120u
#define FLAME_DTYPE_F16 0x0110u
#define FLAME_DTYPE_BF16 0x0210u
#define FLAME_DTYPE_F8_E4M3 0x0308u /* finite only, one NaN: "e4m3fn" */
#define FLAME_DTYPE_F8_E5M2 0x0408u
#define FLAME_DTYPE_I64 0x0540u
#define FLAME_DTYPE_I32 0x0520u
#define FLAME_DTYPE_U8 0x0608u
#define FLAME_DTYPE_BOOL 0x0708u /* one byte, 0 or 1 */
#define FLAME_DTYPE_BYTES(dtype) (((dtype)&0xffu) / 8u)

#define FLAME_MAX_RANK 8

#define FLAME_DEVICE_CPU 0u /* `data` may be read and written by the processor */

/* A view of elements that somebody else owns. `shape` and `strides` hold `rank` numbers (strides in
 * elements, may be 0 or negative, never null); rank 0 is a scalar, a size of 0 is legal and `data`
 * may then be null. Element i0, i1, … stands at data + byte_offset + (i0·strides[0] + i1·strides[1]
 * + …) · bytes of the dtype. Indices need 64 bits. Every address of a view lies inside the buffer
 * of `buffer_size` bytes that starts at `data`. */
typedef struct flame_tensor {
  uint32_t struct_size;
  flame_dtype dtype;
  uint32_t rank;
  uint32_t device; /* FLAME_DEVICE_CPU, or the number that the backend gave its device */
  const int64_t *shape;
  const int64_t *strides;
  void *data; /* null in probe and plan */
  uint64_t byte_offset;
  uint64_t buffer_size;
} flame_tensor;

FLAME_END_C

#endif
