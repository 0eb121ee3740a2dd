#include "core/tensor/dtype.h"

namespace flame {

const std::vector<DType> &all_dtypes() {
  static const std::vector<DType> types = {
      DType::kF64,    DType::kF32, DType::kBF16, DType::kF16, DType::kF8E4M3,
      DType::kF8E5M2, DType::kI64, DType::kI32,  DType::kU8,  DType::kBool};
  return types;
}

std::string_view name_of(DType dtype) {
  switch (dtype) {
    case DType::kF64:
      return "f64";
    case DType::kF32:
      return "f32";
    case DType::kF16:
      return "f16";
    case DType::kBF16:
      return "bf16";
    case DType::kF8E4M3:
      return "f8_e4m3";
    case DType::kF8E5M2:
      return "f8_e5m2";
    case DType::kI64:
      return "i64";
    case DType::kI32:
      return "i32";
    case DType::kU8:
      return "u8";
    case DType::kBool:
      return "bool";
  }
  return "unknown";
}

std::optional<DType> dtype_from_name(std::string_view name) {
  for (const DType dtype : all_dtypes()) {
    if (name_of(dtype) == name) return dtype;
  }
  return std::nullopt;
}

std::optional<DType> dtype_from_abi(flame_dtype number) {
  for (const DType dtype : all_dtypes()) {
    if (to_abi(dtype) == number) return dtype;
  }
  return std::nullopt;
}

bool is_float(DType dtype) {
  return dtype == DType::kF64 || dtype == DType::kF32 || dtype == DType::kBF16 ||
         dtype == DType::kF16 || is_f8(dtype);
}

bool is_f8(DType dtype) {
  return dtype == DType::kF8E4M3 || dtype == DType::kF8E5M2;
}

bool is_integer(DType dtype) {
  return dtype == DType::kI64 || dtype == DType::kI32 || dtype == DType::kU8;
}

DType compute_dtype(DType dtype) {
  return dtype == DType::kF64 ? DType::kF64 : DType::kF32;
}

DType promote_floats(DType a, DType b) {
  if (a == b) return a;
  return a == DType::kF64 || b == DType::kF64 ? DType::kF64 : DType::kF32;
}

}  // namespace flame
