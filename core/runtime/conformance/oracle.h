// What the answer should be: the op, or its decomposition, on the reference backend.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "core/ops/catalogue/op_definition.h"
#include "core/runtime/device.h"
#include "core/tensor/host_tensor.h"

namespace flame::conformance {

// A wider type, f64 if no other is named, in place of every narrower float: in the attributes that name
// types, and in a tensor, exactly.
Attributes widened_types(Attributes attributes, DType wide = DType::kF64);
HostTensor widened_tensor(const HostTensor &tensor, DType wide = DType::kF64);

class Oracle {
 public:
  // The device outlives the object. `wide`: what it computes in, where that is wider than the op's own
  // type; nothing: always in that.
  explicit Oracle(Device &reference, std::optional<DType> wide = DType::kF64)
      : reference_(reference), wide_(wide) {}

  bool widens() const { return wide_.has_value(); }

  // The op's answers for inputs of the call's types. Unless `in_own_type`, floats are widened
  // first, exactly, and the float answers are wide too.
  Result<std::vector<HostTensor>> answers(const OpCall &call, const std::vector<HostTensor> &inputs,
                                          bool in_own_type) const;
  // The same on a stream of the reference, with inputs that lie elsewhere.
  Result<std::vector<HostTensor>> answers(const DeviceStream &stream, const OpCall &call,
                                          std::span<const HostTensor *const> inputs,
                                          bool in_own_type) const;

 private:
  Device &reference_;
  std::optional<DType> wide_;
};

// Whether the device multiplies matrices of f64.
Result<bool> computes_in_f64(Device &device);

}  // namespace flame::conformance
