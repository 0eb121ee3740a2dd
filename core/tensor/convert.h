// Elements from one type to another, quickly: for whole tensors, where core/tensor/numbers.h is for
// single ones and gives the same numbers.
#pragma once

#include <cstddef>
#include <span>

#include "core/tensor/dtype.h"

namespace flame {

// Rounds once, to nearest, halves to even. `to` has as many elements as `from`; the two do not
// overlap. False if a finite number became infinite, because f16 (or another narrow type) cannot
// hold it.
bool convert_elements(DType from_type, std::span<const std::byte> from, DType to_type,
                      std::span<std::byte> to);

}  // namespace flame
