// The element types that safetensors files hold, by their published names: more than we compute with.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "core/tensor/dtype.h"

namespace flame {

struct StoredType {
  std::string_view name;       // "BF16"
  uint32_t bits;               // of one element; 4 and 6 are packed without gaps
  std::optional<DType> dtype;  // none: such a tensor can be listed, but not read as numbers
};

// Both live as long as the program. Null if there is no type of that name.
const StoredType *stored_type_named(std::string_view name);
const StoredType &stored_type_of(DType dtype);

}  // namespace flame
