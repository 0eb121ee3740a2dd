#include "core/sample/text_encoders.h"

#include <algorithm>

#include "core/ops/catalogue/terms.h"
#include "core/runtime/evaluate.h"
#include "core/sample/planned_program.h"
#include "core/sample/weight_jobs.h"

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

Result<std::unique_ptr<TextEncoders>> TextEncoders::make(const PaintModels &models,
                                                         const TextForm &form,
                                                         const std::vector<std::string> &roles,
                                                         DType compute, TensorStore &store,
                                                         const LoadProgress &progress) {
  auto made = std::make_unique<TextEncoders>();
  FLAME_ASSIGN(made->stream_, store.device().create_stream());
  std::vector<WeightJob> jobs;
  for (size_t i = 0; i < models.parts.size(); ++i) {
    const DiffusionPart &part = models.spec.parts[i];
    if (part.kind != DiffusionPart::Kind::kTextEncoder) continue;
    if (!roles.empty() && std::ranges::find(roles, part.role) == roles.end()) continue;
    FLAME_ASSIGN(const Program program, encoder_program(models.parts[i], form, 1));
    FLAME_ASSIGN(PlacedProgram placed,
                 plan_program(program, {part.role + "/", {compute}, {}}, store.device()));
    Encoder encoder{models.parts[i].model, part.role, nullptr};
    FLAME_ASSIGN(encoder.program,
                 Executable::make(std::move(placed), store, Executable::Runs::kOnce));
    const std::string prefix = part.role + "/";
    FLAME_TRY(add_jobs(models.parts[i], places_of(*encoder.program, prefix), prefix, jobs));
    made->encoders_.push_back(std::move(encoder));
  }
  FLAME_TRY(load_weights(jobs, store.device(), made->stream_, progress));
  return made;
}

Result<TensorMap> TextEncoders::encode(const std::string &text, uint32_t rows) const {
  TensorMap states;
  for (const Encoder &encoder : encoders_) {
    FLAME_ASSIGN(const HostTensor ids, token_rows(*encoder.model, text, rows));
    const size_t row_bytes = ids.bytes.size() / rows;
    for (uint32_t row = 0; row < rows; ++row) {
      const auto one = std::span(ids.bytes).subspan(row * row_bytes, row_bytes);
      FLAME_TRY(encoder.program->write(stream_, encoder.role + "/input_ids", one));
      FLAME_TRY(encoder.program->run(stream_));
      FLAME_ASSIGN(const TensorMap answers, read_outputs(*encoder.program, stream_));
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
