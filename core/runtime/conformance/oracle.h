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
  // The device outlives the object. `widens`: it computes in f64.
  explicit Oracle(Device &reference, bool widens = true) : reference_(reference), widens_(widens) {}

  bool widens() const { return widens_; }

  // The op's answers for inputs of the call's types. Unless `in_own_type`, floats are widened to
  // f64 first, exactly, and the float answers are f64; but not where the reference has no f64.
  Result<std::vector<HostTensor>> answers(const OpCall &call, const std::vector<HostTensor> &inputs,
                                          bool in_own_type) const;

 private:
  Device &reference_;
  bool widens_;
};

}  // namespace flame::conformance
