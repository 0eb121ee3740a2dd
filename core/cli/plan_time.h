// How long planned programs will take on a device: an estimate, from short measurements of it.
#pragma once

#include <memory>
#include <span>
#include <unordered_map>

#include "core/passes/placed_program.h"
#include "core/runtime/device.h"

namespace flame::cli {

// What a device reaches.
struct DevicePace {
  double products_a_second = 0;  // of multiplications and additions, in products of matrices
  double bytes_a_second = 0;     // read and written, elementwise
  double seconds_a_call = 0;     // of the smallest op
};

// Made for the programs that are to be estimated. On a device of its own each step of a program takes
// as long as its products or its bytes, whichever is longer. The processor is far from such bounds,
// more so with small ops: there short programs are run on zeros; of long ones the steps that count most
// are, one by one, for a few seconds in all, and the others are taken to be as much slower than their
// bound as those were.
class TimeEstimate {
 public:
  // Programs with the times that each will run. Errors: of the device.
  static Result<TimeEstimate> make(
      Device &device, DType compute,
      std::span<const std::pair<const PlacedProgram *, double>> programs);

  // Of one of these programs.
  Result<double> seconds_of(const PlacedProgram &program) const;

 private:
  // An op, in all places where it lies alike.
  struct Known {
    std::shared_ptr<const OpPlan> plan;
    const Step *step = nullptr;
    const PlacedProgram *program = nullptr;
    bool product = false;
    double bound = 0;     // seconds
    double times = 0;     // that it will run
    double measured = 0;  // seconds; 0: it was not
  };

  explicit TimeEstimate(Device &device) : device_(&device) {}
  Status add(const PlacedProgram &program, double times);
  Status measure();

  Device *device_;
  DevicePace pace_;
  std::unordered_map<const PlacedProgram *, double> whole_;  // seconds of programs that were run
  std::unordered_map<const OpPlan *, Known> known_;  // of the others; empty on a device of its own
  double slower_[2] = {1, 1};                        // than the bound; of products, last
};

}  // namespace flame::cli
