// What the answer should be: the op, or its decomposition, on the reference backend.
#pragma once

#include <vector>

#include "core/ops/catalogue/op_definition.h"
#include "core/runtime/device.h"
#include "core/tensor/host_tensor.h"

namespace flame::conformance {

// f64 in place of every other float: in the attributes that name types, and in a tensor, exactly.
Attributes widened_types(Attributes attributes);
HostTensor widened_tensor(const HostTensor &tensor);

class Oracle {
 public:
  // The device outlives the object.
  explicit Oracle(Device &reference) : reference_(reference) {}

  // The op's answers for inputs of the call's types. Unless `in_own_type`, floats are widened to
  // f64 first, exactly, and the float answers are f64.
  Result<std::vector<HostTensor>> answers(const OpCall &call, const std::vector<HostTensor> &inputs,
                                          bool in_own_type) const;

 private:
  Device &reference_;
};

}  // namespace flame::conformance
