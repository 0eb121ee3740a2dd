// The layers of a low-rank adapter, as flame/exporter.h hands them over.
#pragma once

#include <string>
#include <vector>

#include "plugins/exporters/shared/safetensors.h"

namespace exporters {

struct AdapterLayer {
  std::string part, name;     // "unet", "down_blocks.1.…"
  uint64_t down = 0, up = 0;  // of the set
  int64_t rank = 0;
  double alpha = 0;
  bool is_window = false;  // a convolution that looks at more than one place
};

// In the set's order. Throws unsupported() with the names that are no such layers, of layers whose
// tensors are incomplete or do not fit together, and of parts that are not among `parts`.
std::vector<AdapterLayer> adapter_layers(const flame::Parameters &parameters,
                                         const std::vector<std::string> &parts);

// The elements of tensor `index` times a factor, in that type. Throws numeric errors for elements
// that are not finite there.
std::vector<char> read_scaled(const flame::Parameters &parameters, uint64_t index,
                              flame_dtype dtype, double factor);

}  // namespace exporters
