#include "core/sample/text_form.h"

#include <fmt/core.h>

namespace flame {

Result<TextForm> text_form(const PaintModels &models) {
  TextForm form;
  for (size_t i = 0; i < models.parts.size(); ++i) {
    const DiffusionPart &part = models.spec.parts[i];
    if (part.kind != DiffusionPart::Kind::kTextEncoder) continue;
    FLAME_ASSIGN(const TokenRows row, models.parts[i].model->tokenize("", 1));
    if (form.tokens != 0 && form.tokens != row.row_length) {
      return config_error(fmt::format("the text encoders have rows of {} and {} tokens",
                                      form.tokens, row.row_length),
                          "take encoders that belong to the model");
    }
    form.tokens = row.row_length;
    FLAME_ASSIGN(const Program program, encoder_program(models.parts[i], form, 1));
    for (const NamedValue &output : program.outputs())
      form.states.emplace_back(part.role + "." + output.name, program.type(output.value));
  }
  return form;
}

Result<Program> encoder_program(const PaintModel &encoder, const TextForm &form, int64_t rows) {
  return encoder.model->build(encoder.model->programs().front(),
                              {{"batch", rows}, {"tokens", form.tokens}});
}

Result<Program> conditions_program(const PaintModels &models, const TextForm &form, int64_t batch,
                                   uint32_t rows) {
  std::vector<std::pair<std::string, int64_t>> sizes;
  for (const auto &[name, type] : form.states)
    sizes.emplace_back(name, type.shape.rank() == 0 ? 1 : type.shape.back(0));
  sizes.insert(sizes.end(), {{"batch", batch}, {"rows", rows}, {"tokens", form.tokens}});
  return models.denoiser.model->build(models.spec.conditions, sizes);
}

}  // namespace flame
