// One run of an op on a device, every buffer between guards and every output poisoned.
#pragma once

#include <string>
#include <vector>

#include "core/runtime/conformance/layout.h"
#include "core/runtime/device.h"
#include "core/tensor/host_tensor.h"

namespace flame::conformance {

enum class Failure {
  kNone,
  kWrong,             // the numbers are not near enough
  kMistrusted,        // the answer is almost all zeros
  kGuard,             // written outside the outputs
  kInputChanged,      // an input is another one afterwards
  kRefused,           // refused where it must not, or without a reason
  kPromiseBroken,     // plan differs from probe, or does not do what probe accepted
  kNotDeterministic,  // two runs differ though the backend said that they do not
  kError,             // run failed
};
std::string_view name_of(Failure failure);

struct Outcome {
  Failure failure = Failure::kNone;
  std::string detail;               // of the failure
  std::vector<HostTensor> outputs;  // row-major; complete without a failure
};

// Where the tensors of one run lie.
struct Placements {
  std::vector<Placement> inputs;
  std::vector<Placement> outputs;
};
Placements place_all(const OpCall &call, Layout layout);
std::vector<TypedView> views_of(const std::vector<Placement> &placements);

// For each output the number of the input in whose memory it stands, or kOwnMemory. Empty: every
// output has its own.
using InPlace = std::vector<size_t>;
inline constexpr size_t kOwnMemory = SIZE_MAX;

// Runs the plan once on `inputs`, which are row-major and are laid out as `placements` say. `poison`
// fills outputs and workspace before.
Outcome run_guarded(const Device &device, const DeviceStream &stream, const OpPlan &plan,
                    const std::vector<HostTensor> &inputs, const OpCall &call,
                    const Placements &placements, const InPlace &in_place, uint8_t poison);

}  // namespace flame::conformance
