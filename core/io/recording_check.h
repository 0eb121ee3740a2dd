// A model proven against a recording: the same inputs and weights, every output and gradient compared.
#pragma once

#include "core/io/adapter_file.h"
#include "core/io/recording.h"
#include "core/io/weight_match.h"
#include "core/runtime/device.h"

namespace flame {

// A tensor of the recording and what the model gave.
struct RecordedTensor {
  std::string name;  // as in the recording: "output/sample"
  Shape shape;
  double norm_relative = 0;  // ‖seen − recorded‖ / ‖recorded‖
  double norm_ratio = 0;     // ‖seen‖ / ‖recorded‖
  double max_absolute = 0;
  std::vector<int64_t> where;  // of the largest error
  double recorded_size = 0;    // root mean square
  double error_size = 0;       // the same of the difference
  double tolerance = 0;
  // The recorded tensor is zero but for rounding (a bias that softmax cancels), so that
  // norm_relative is the error against the other gradients' usual size.
  bool is_absolute = false;
  bool within = false;
};

struct RecordingCheck {
  std::vector<RecordedTensor> tensors;  // outputs, then gradients, by name
  std::string weights;                  // "FILE, layout 'ldm'"
  std::vector<std::string> unused;      // tensors of the weights that the model does not read
  bool equal = false;
};

struct RecordingSettings {
  DType dtype = DType::kF32;              // f64, f32, bf16 or f16
  std::optional<double> tolerance = {};   // of every tensor; else by type and kind
  std::vector<LowRankPair> adapter = {};  // that the model had; empty: none
};

// `model` has the recording's configuration. Errors (kBadConfig): the recording or the weights do not
// fit the model, with all names and shapes; those of plugins and the device.
Result<RecordingCheck> check_recording(Device &device, const PluginModel &model,
                                       const Recording &recording,
                                       const std::vector<WeightSet> &weights,
                                       const RecordingSettings &settings);

}  // namespace flame
