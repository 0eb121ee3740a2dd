#include "backends/cuda/kernel_source.h"

#include <cstring>

#include "flame/tensor.hpp"

namespace flame::cuda {

const char *kernel_type(flame_dtype dtype) {
  switch (dtype) {
    case FLAME_DTYPE_F64:
      return "double";
    case FLAME_DTYPE_F32:
      return "float";
    case FLAME_DTYPE_F16:
      return "f16";
    case FLAME_DTYPE_BF16:
      return "bf16";
    case FLAME_DTYPE_F8_E4M3:
      return "e4m3";
    case FLAME_DTYPE_F8_E5M2:
      return "e5m2";
    case FLAME_DTYPE_I64:
      return "long long";
    case FLAME_DTYPE_I32:
      return "int";
    case FLAME_DTYPE_U8:
      return "unsigned char";
    case FLAME_DTYPE_BOOL:
      return "truth";
    default:
      throw flame::unsupported("the element type ", dtype, " is newer than this backend");
  }
}

const char *accumulator_type(flame_dtype dtype) {
  switch (dtype) {
    case FLAME_DTYPE_F64:
      return "double";
    case FLAME_DTYPE_I64:
    case FLAME_DTYPE_I32:
    case FLAME_DTYPE_U8:
    case FLAME_DTYPE_BOOL:
      return "long long";
    default:
      return "float";
  }
}

Definitions &Definitions::number(const char *name, int64_t value) {
  const bool wide = value > INT32_MAX || value < -INT32_MAX;
  text_ += flame::text("constexpr ", wide ? "long long " : "int ", name, " = ", value,
                       wide ? "ll;\n" : ";\n");
  return *this;
}

Definitions &Definitions::real(const char *name, double value) {
  uint64_t bits = 0;
  std::memcpy(&bits, &value, sizeof bits);
  text_ += flame::text("#define ", name, " __longlong_as_double(", bits, "ull)\n");
  return *this;
}

Definitions &Definitions::flag(const char *name, bool value) {
  text_ += flame::text("constexpr bool ", name, " = ", value, ";\n");
  return *this;
}

Definitions &Definitions::type(const char *name, flame_dtype dtype) {
  return alias(name, kernel_type(dtype));
}

Definitions &Definitions::alias(const char *name, const char *type) {
  text_ += flame::text("using ", name, " = ", type, ";\n");
  return *this;
}

Definitions &Definitions::line(const std::string &text) {
  text_ += text + "\n";
  return *this;
}

}  // namespace flame::cuda
