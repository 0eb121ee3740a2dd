// What a training learns from instead of pictures and captions: latents and states of text, made by
// the models beside the denoiser.
#pragma once

#include <map>

#include "core/sample/autoencoder.h"
#include "core/sample/text_encoders.h"

namespace flame {

// Takes the device's memory when it is first asked for a thing of its kind, and gives all back when it
// ends or is told to. One thread at a time; the models and the device outlive it.
class FeatureMaker {
 public:
  // `roles`: the text encoders that are wanted.
  FeatureMaker(const PaintModels &models, const TextForm &form, std::vector<std::string> roles,
               DType compute, Device &device)
      : models_(models),
        form_(form),
        roles_(std::move(roles)),
        compute_(compute),
        device_(device),
        store_(std::make_unique<TensorStore>(device)) {}

  // The latent of a picture, U8 [height, width, 3]: f32 [height / 8, width / 8, 4], drawn from what the
  // autoencoder says with the noise of `key`. Errors: of the device and the plugins; kNumeric for a
  // latent that is not finite.
  Result<HostTensor> latent(const HostTensor &picture, uint64_t key);
  // As TextEncoders::encode.
  Result<TensorMap> states(const std::string &text, uint32_t rows);
  // Gives the memory back until something is asked for again.
  void release();

 private:
  Result<const VaeEncoder *> encoder_for(int64_t height, int64_t width);

  const PaintModels &models_;
  const TextForm &form_;
  std::vector<std::string> roles_;
  DType compute_;
  Device &device_;
  std::unique_ptr<TensorStore> store_;
  DeviceStream stream_;
  std::map<std::pair<int64_t, int64_t>, VaeEncoder> pictures_;
  std::unique_ptr<TextEncoders> texts_;
};

// How much of a mask, U8 [height, width, 1], falls on each place of a latent: f32 [height / unit,
// width / unit, 1] from 0 to 1.
HostTensor latent_mask(const HostTensor &mask, int64_t unit);

}  // namespace flame
