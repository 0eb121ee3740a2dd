// How prompts reach a denoiser: rows of tokens, and the states that its encoders make of them.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "core/sample/paint_programs.h"

namespace flame {

struct TextForm {
  int64_t tokens = 0;  // of a row
  // What encoders answer for one row, by the names that the conditions want: "ROLE.OUTPUT".
  std::vector<std::pair<std::string, TensorType>> states;
};

// Errors: encoders whose rows have other lengths; those of the plugins.
Result<TextForm> text_form(const PaintModels &models);

// The program of an encoder for some rows, and that of the conditions.
Result<Program> encoder_program(const PaintModel &encoder, const TextForm &form, int64_t rows);
Result<Program> conditions_program(const PaintModels &models, const TextForm &form, int64_t batch,
                                   uint32_t rows);

}  // namespace flame
