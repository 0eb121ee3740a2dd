#include "core/sample/text_encoders.h"

#include <algorithm>

#include "core/sample/planned_program.h"
#include "core/sample/weight_jobs.h"

namespace flame {

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
    TextEncoder encoder{models.parts[i].model, part.role, nullptr};
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
  return text_states(encoders_, stream_, text, rows);
}

}  // namespace flame
