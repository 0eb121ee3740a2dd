// A tensor in the processor's memory: contiguous bytes with their type.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "core/tensor/shape.h"

namespace flame {

struct HostTensor {
  TensorType type;
  std::vector<std::byte> bytes;  // row-major, type.size_bytes() of them
};

// By the names of inputs, parameters or outputs.
using TensorMap = std::map<std::string, HostTensor>;

}  // namespace flame
