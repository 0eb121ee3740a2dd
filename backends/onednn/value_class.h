// The types in which elements are computed; every element type is loaded to one of them.
#pragma once

#include <cstdint>

#include "flame/tensor.h"

namespace flame::onednn {

enum class ValueClass : uint8_t {
  kBool,     // uint8_t, 0 or 1
  kInteger,  // int64_t
  kF32,      // float
  kF64,      // double
};

inline int64_t size_of(ValueClass value_class) {
  constexpr int64_t kSizes[] = {1, 8, 4, 8};
  return kSizes[static_cast<int>(value_class)];
}

// f32 for every float type but f64.
inline ValueClass class_of(flame_dtype dtype) {
  switch (dtype) {
    case FLAME_DTYPE_BOOL:
      return ValueClass::kBool;
    case FLAME_DTYPE_I64:
    case FLAME_DTYPE_I32:
    case FLAME_DTYPE_U8:
      return ValueClass::kInteger;
    case FLAME_DTYPE_F64:
      return ValueClass::kF64;
    default:
      return ValueClass::kF32;
  }
}

// True if elements of that type lie in memory as values of the class do.
inline bool is_stored_as(flame_dtype dtype, ValueClass value_class) {
  return class_of(dtype) == value_class &&
         int64_t{FLAME_DTYPE_BYTES(dtype)} == size_of(value_class);
}

}  // namespace flame::onednn
