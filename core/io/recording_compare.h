// Compares what a model gave with what was recorded.
#pragma once

#include "core/io/recording_check.h"

namespace flame {

// How far tensors may be off in arithmetic of a type.
struct RecordingTolerance {
  double output;
  double gradient;
  double norm_ratio;
};
RecordingTolerance recording_tolerance(const RecordingSettings &settings);

// Both in the recorded layout and shape.
RecordedTensor compare_recorded(std::string name, const HostTensor &recorded,
                                const HostTensor &seen);

// Judges every tensor: gradients that are nothing but rounding on their absolute size.
void judge_recorded(RecordingCheck &check, const RecordingTolerance &tolerance,
                    bool recorded_in_f64);

}  // namespace flame
