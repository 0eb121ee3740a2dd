// A program op after op on two devices, each op with the reference's values: names the first that differs.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "core/program/program.h"
#include "core/runtime/conformance/compare.h"
#include "core/runtime/device.h"
#include "core/tensor/host_tensor.h"

namespace flame::conformance {

// An op whose answer differs from the reference's for the same inputs, or how near it came to that.
struct NodeCheck {
  NodeId node = 0;
  std::string op;
  std::string place;  // where the model's description builds it
  std::vector<TensorType> inputs, outputs;
  Difference difference;  // of the worst output
  double allowed = 0;     // norm-relative
  // The answer hangs on the inputs' last digits: what one rounding of them changes is above the gate
  // of ops, and `allowed` follows from it.
  bool ill_conditioned = false;
  std::string wrong;  // empty: near enough
};

struct LockstepCheck {
  size_t nodes = 0;                // that were compared: all but views, which no backend computes
  size_t ill_conditioned = 0;      // of them
  std::optional<NodeCheck> first;  // that differs
  std::optional<NodeCheck> worst;  // nearest to its limit
  uint64_t most_bytes = 0;         // of values that were held at one time
};

struct LockstepRequest {
  // The values of inputs and parameters, in the program's types; asked for when first needed.
  std::function<Result<HostTensor>(const std::string &name)> value;
  // After each op; an error ends the check.
  std::function<Status(size_t done, size_t total)> progress = {};
};

// Runs op after op on both with the same inputs, which are the reference's answers before; ends at
// the first that differs. The reference computes in f64 where it can, else in f32 at least. A value is
// held from its first use to its last.
Result<LockstepCheck> check_lockstep(Device &reference, Device &candidate, const Program &program,
                                     const LockstepRequest &request);

// The same with seeded_values().
Result<LockstepCheck> check_lockstep(Device &reference, Device &candidate, const Program &program,
                                     uint64_t seed);

}  // namespace flame::conformance
