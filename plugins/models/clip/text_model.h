// The text encoders as a program: transformers' CLIPTextModel and CLIPTextModelWithProjection.
#pragma once

#include "plugins/models/clip/clip_options.h"
#include "plugins/models/shared/layers.h"

namespace clip {

struct TextSizes {
  int64_t batch = 1;
  int64_t tokens = 77;
};

// "input_ids" to "last_hidden_state", "penultimate" (hidden_states[-2], without the last norm), and
// the state at the end token: as "text_embeds" if `projects`, else as "pooler_output".
void build_text_model(flame::Program &program, const ClipOptions &options, const TextSizes &sizes,
                      bool projects);

}  // namespace clip
