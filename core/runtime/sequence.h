// Executables that run one after the other: the micro-batch and the step of a training, as one graph.
#pragma once

#include <memory>
#include <vector>

#include "core/runtime/executable.h"

namespace flame {

// Recorded whole where the backend and every op allow it, so that a run is one call; else a run is
// that of the parts in turn. The parts keep their own way to run. One thread at a time.
class Sequence {
 public:
  // The parts outlive the sequence and are of one device; a part may stand there more than once.
  // Errors: no parts, or parts of several devices.
  static Result<std::unique_ptr<Sequence>> make(std::vector<const Executable *> parts);
  Sequence(const Sequence &) = delete;
  Sequence &operator=(const Sequence &) = delete;

  // Enqueues all of it.
  Status run(const DeviceStream &stream) const;
  bool is_recorded() const { return static_cast<bool>(graph_); }

 private:
  explicit Sequence(std::vector<const Executable *> parts) : parts_(std::move(parts)) {}

  std::vector<const Executable *> parts_;
  DeviceGraph graph_;
};

}  // namespace flame
