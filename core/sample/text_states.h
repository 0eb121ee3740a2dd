// A prompt as the states that text encoders make of it, row by row.
#pragma once

#include <memory>
#include <span>
#include <string>

#include "core/plugin/plugin_model.h"
#include "core/runtime/executable.h"
#include "core/tensor/host_tensor.h"

namespace flame {

// An encoder on a device: its program takes one row, as "ROLE/input_ids".
struct TextEncoder {
  const PluginModel *model = nullptr;
  std::string role;
  std::unique_ptr<Executable> program;
};

// The tokens of a text, filled up with rows of the empty text: i64 [rows, tokens].
Result<HostTensor> token_rows(const PluginModel &encoder, const std::string &text, uint32_t rows);

// "ROLE.OUTPUT" of `rows` rows each, f32: those of the text, then rows of the empty text. Errors: of
// the device; text that is no UTF-8.
Result<TensorMap> text_states(std::span<const TextEncoder> encoders, const DeviceStream &stream,
                              const std::string &text, uint32_t rows);

}  // namespace flame
