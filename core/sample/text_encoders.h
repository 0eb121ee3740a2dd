// Text encoders on a device: prompts in, the states that a denoiser is told.
#pragma once

#include "core/runtime/executable.h"
#include "core/sample/text_form.h"

namespace flame {

// One thread at a time; the models and the store's device outlive it.
class TextEncoders {
 public:
  // Plans the encoders for one row at a time and takes their memory and weights. `roles`: those that
  // are wanted; empty for all.
  static Result<std::unique_ptr<TextEncoders>> make(const PaintModels &models, const TextForm &form,
                                                    const std::vector<std::string> &roles,
                                                    DType compute, TensorStore &store,
                                                    const LoadProgress &progress);

  // "ROLE.OUTPUT" of `rows` rows each, f32: those of the text, then rows of the empty text. Errors:
  // of the device; text that is no UTF-8.
  Result<TensorMap> encode(const std::string &text, uint32_t rows) const;

 private:
  struct Encoder {
    const PluginModel *model = nullptr;
    std::string role;
    std::unique_ptr<Executable> program;
  };

  std::vector<Encoder> encoders_;
  DeviceStream stream_;
};

// The tokens of a text as an encoder that learns is given them: i64 [rows, tokens].
Result<HostTensor> token_rows(const PluginModel &encoder, const std::string &text, uint32_t rows);

}  // namespace flame
