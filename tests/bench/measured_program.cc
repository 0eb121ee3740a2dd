#include "tests/bench/measured_program.h"

#include <algorithm>
#include <cstring>

#include "core/passes/differentiate.h"

namespace flame::bench {

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

Result<Program> with_gradients(const Program &forward, Wanted wanted) {
  GradientRequest request{{"loss"}, {"x"}};
  for (const Parameter &parameter : forward.parameters()) {
    if (wanted == Wanted::kEverything && parameter.trainable)
      request.with_respect_to.push_back(parameter.name);
  }
  FLAME_ASSIGN(Gradients gradients, differentiate(forward, request));
  return std::move(gradients.program);
}

Status fill_inputs(const Executable &executable, const DeviceStream &stream) {
  uint32_t state = 1;
  for (const auto *names : {&executable.placed().inputs, &executable.placed().parameters}) {
    for (const PlacedName &entry : *names) {
      const TensorType type = entry.tensor.typed.type();
      std::vector<std::byte> bytes(static_cast<size_t>(type.size_bytes()));
      const size_t step = static_cast<size_t>(size_bytes(type.dtype));
      for (size_t i = 0; i + step <= bytes.size(); i += step) {
        state = state * 1664525 + 1013904223;
        const float value = (static_cast<float>(state >> 8) / (1 << 24) - 0.5F) * 0.1F;
        std::byte four[4];
        std::memcpy(four, &value, 4);
        std::copy(four + (4 - step), four + 4, bytes.begin() + static_cast<ptrdiff_t>(i));
      }
      FLAME_TRY(executable.write(stream, entry.name, bytes));
      FLAME_TRY(stream.synchronize());
    }
  }
  return {};
}

}  // namespace flame::bench
