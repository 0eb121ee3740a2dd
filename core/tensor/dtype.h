// Element types: the numbers of flame/tensor.h with names and sizes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "flame/tensor.h"

namespace flame {

// The values are those of flame_dtype, so that a cast is the conversion.
enum class DType : uint32_t {
  kF64 = FLAME_DTYPE_F64,
  kF32 = FLAME_DTYPE_F32,
  kF16 = FLAME_DTYPE_F16,
  kBF16 = FLAME_DTYPE_BF16,
  kF8E4M3 = FLAME_DTYPE_F8_E4M3,
  kF8E5M2 = FLAME_DTYPE_F8_E5M2,
  kI64 = FLAME_DTYPE_I64,
  kI32 = FLAME_DTYPE_I32,
  kU8 = FLAME_DTYPE_U8,
  kBool = FLAME_DTYPE_BOOL,
};

// Every type, widest floats first: the order of tables and messages.
const std::vector<DType> &all_dtypes();

// "f32", "bf16", "f8_e4m3", …
std::string_view name_of(DType dtype);
std::optional<DType> dtype_from_name(std::string_view name);
// Nothing if the number is not an element type.
std::optional<DType> dtype_from_abi(flame_dtype number);
inline flame_dtype to_abi(DType dtype) {
  return static_cast<flame_dtype>(dtype);
}

inline int64_t size_bytes(DType dtype) {
  return FLAME_DTYPE_BYTES(static_cast<uint32_t>(dtype));
}

// f64, f32, bf16 and f16 are computed with; the two f8 types are floats that are only stored.
bool is_float(DType dtype);
bool is_f8(DType dtype);
// i64, i32 or u8; bool is neither integer nor float.
bool is_integer(DType dtype);

// The type in which floats of this type are computed and statistics saved: f64 for f64, else f32.
DType compute_dtype(DType dtype);

// The smallest float type that holds both: equal types stay, any two others give f64 or f32.
DType promote_floats(DType a, DType b);

}  // namespace flame
