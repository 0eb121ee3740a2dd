// What passes ask of the device that a program is made for.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "core/ops/catalogue/op_definition.h"

namespace flame {

// What a backend says of an op that it can do; see flame_op_info.
struct OpInfo {
  bool capture_safe = false;
  bool deterministic = false;
  uint64_t workspace_size = 0;
  // Bit i: output 0 may stand in the memory of input i.
  uint64_t in_place_mask = 0;
  // Each output may stand in the memory of an input of its own type and view.
  bool in_place = false;
  // What it takes of the device in a recording with branches.
  uint64_t recorded_size = 0;
};

// What a backend takes of the device's memory for itself, in bytes; see flame_own_memory.
struct OwnMemory {
  uint64_t device = 0;
  uint64_t rest = 0;
  uint64_t recording = 0;
  uint64_t straight_recording = 0;
};

struct OpAnswer {
  std::optional<OpInfo> info;  // none: the backend cannot do it
  std::string reason;          // and this is why, in the user's words
};

// A device, seen from the passes. Implementations answer equal questions equally. [one thread]
class Target {
 public:
  virtual ~Target() = default;
  // "onednn", for messages.
  virtual std::string_view name() const = 0;
  // Whether steps that need nothing of each other may run side by side.
  virtual bool branches() const { return false; }
  // Whether it can do the op on tensors that lie so. An error: the backend broke its contract.
  virtual Result<OpAnswer> probe(std::string_view op, const Attributes &attributes,
                                 std::span<const TypedView> inputs,
                                 std::span<const TypedView> outputs) = 0;
  // For an op that probe accepts and that will be run so: makes all choices, so that the answer is
  // what the run will need.
  virtual Result<OpInfo> prepare(std::string_view op, const Attributes &attributes,
                                 std::span<const TypedView> inputs,
                                 std::span<const TypedView> outputs) = 0;
  // As far as it is prepared for what will run.
  virtual Result<OwnMemory> own_memory() { return OwnMemory(); }
};

}  // namespace flame
