// Text encoders on a device: prompts in, the states that a denoiser is told.
#pragma once

#include "core/sample/text_form.h"
#include "core/sample/text_states.h"

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

  // As text_states().
  Result<TensorMap> encode(const std::string &text, uint32_t rows) const;

 private:
  std::vector<TextEncoder> encoders_;
  DeviceStream stream_;
};

}  // namespace flame
