#include "core/io/stored_type.h"

#include <algorithm>
#include <iterator>

namespace flame {
namespace {

constexpr StoredType kTypes[] = {
    {"F64", 64, DType::kF64},
    {"F32", 32, DType::kF32},
    {"F16", 16, DType::kF16},
    {"BF16", 16, DType::kBF16},
    {"F8_E4M3", 8, DType::kF8E4M3},
    {"F8_E5M2", 8, DType::kF8E5M2},
    {"I64", 64, DType::kI64},
    {"I32", 32, DType::kI32},
    {"U8", 8, DType::kU8},
    {"BOOL", 8, DType::kBool},
    {"C64", 64, std::nullopt},
    {"U64", 64, std::nullopt},
    {"U32", 32, std::nullopt},
    {"I16", 16, std::nullopt},
    {"U16", 16, std::nullopt},
    {"I8", 8, std::nullopt},
    {"F8_E4M3FNUZ", 8, std::nullopt},
    {"F8_E5M2FNUZ", 8, std::nullopt},
    {"F8_E8M0", 8, std::nullopt},
    {"F6_E2M3", 6, std::nullopt},
    {"F6_E3M2", 6, std::nullopt},
    {"F4", 4, std::nullopt},
};

}  // namespace

const StoredType *stored_type_named(std::string_view name) {
  const auto *found = std::ranges::find(kTypes, name, &StoredType::name);
  return found == std::end(kTypes) ? nullptr : found;
}

const StoredType &stored_type_of(DType dtype) {
  return *std::ranges::find(kTypes, dtype, &StoredType::dtype);
}

}  // namespace flame
