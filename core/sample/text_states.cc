#include "core/sample/text_states.h"

#include "core/ops/catalogue/terms.h"
#include "core/runtime/evaluate.h"

namespace flame {

Result<HostTensor> token_rows(const PluginModel &encoder, const std::string &text, uint32_t rows) {
  FLAME_ASSIGN(TokenRows made, encoder.tokenize(text, rows));
  FLAME_ASSIGN(const TokenRows empty, encoder.tokenize("", 1));
  while (made.ids.size() < size_t{rows} * made.row_length)
    made.ids.insert(made.ids.end(), empty.ids.begin(), empty.ids.end());
  HostTensor tensor{{DType::kI64, Shape{int64_t{rows}, int64_t{made.row_length}}}, {}};
  const auto bytes = std::as_bytes(std::span(made.ids));
  tensor.bytes.assign(bytes.begin(), bytes.end());
  return tensor;
}

Result<TensorMap> text_states(std::span<const TextEncoder> encoders, const DeviceStream &stream,
                              const std::string &text, uint32_t rows) {
  TensorMap states;
  for (const TextEncoder &encoder : encoders) {
    FLAME_ASSIGN(const HostTensor ids, token_rows(*encoder.model, text, rows));
    const size_t row_bytes = ids.bytes.size() / rows;
    for (uint32_t row = 0; row < rows; ++row) {
      const auto one = std::span(ids.bytes).subspan(row * row_bytes, row_bytes);
      FLAME_TRY(encoder.program->write(stream, encoder.role + "/input_ids", one));
      FLAME_TRY(encoder.program->run(stream));
      FLAME_ASSIGN(const TensorMap answers, read_outputs(*encoder.program, stream));
      for (const auto &[name, tensor] : answers) {
        HostTensor &all = states[encoder.role + "." + name];
        all.type = tensor.type;
        all.bytes.insert(all.bytes.end(), tensor.bytes.begin(), tensor.bytes.end());
      }
    }
  }
  for (auto &[name, tensor] : states)
    tensor.type.shape = with_size(tensor.type.shape, 0, int64_t{rows});
  return states;
}

}  // namespace flame
