// The autoencoder of a denoiser for pictures of one size: pictures to latents, as caches want them,
// and back.
#pragma once

#include "core/sample/weight_jobs.h"

namespace flame {

struct AutoencoderSettings {
  int64_t height = 0, width = 0;  // of pictures, in pixels
  int64_t latent_size = 8;        // pixels to a place of the latent, along each side
  std::string role = "vae";       // in front of names in the store
  DType compute = DType::kF32;    // not f16: the published weights exceed it
  // Memory of the device that may be taken beside the weights; nothing: all. Less than the whole picture
  // takes is kept to by bands of rows.
  std::optional<uint64_t> most_bytes = {};
  std::optional<int64_t> tile_rows = {};  // rows of pixels at one time, whatever they take
  // The store has this half's weights already, from an object of another size.
  bool weights_are_there = false;
};

// Latents are as the denoiser has them: of deviation 1. Both share the store's weights and arena with all
// that is made of it; the device, the store's and the model's owner outlive them. One thread at a time.
class VaeEncoder {
 public:
  // Errors: sizes that the model cannot have, kOutOfMemory that says what it takes at least, weights
  // that are missing, those of the device.
  static Result<VaeEncoder> make(const PaintModel &model, const AutoencoderSettings &settings,
                                 TensorStore &store, const DeviceStream &stream);

  // A picture f32 [1, height, width, 3] from -1 to 1 to a latent f32 [1, h, w, c], drawn from its
  // distribution with the noise of `seed`. Errors: kFailed for another type; kNumeric if it is not finite.
  Result<HostTensor> encode(const DeviceStream &stream, const HostTensor &picture,
                            uint64_t seed) const;
  const ImageProgram &program() const { return program_; }

 private:
  VaeEncoder(ImageProgram program, AutoencoderSettings settings)
      : program_(std::move(program)), settings_(std::move(settings)) {}
  ImageProgram program_;
  AutoencoderSettings settings_;
};

class VaeDecoder {
 public:
  static Result<VaeDecoder> make(const PaintModel &model, const AutoencoderSettings &settings,
                                 TensorStore &store, const DeviceStream &stream);

  // A latent to a picture f32 [1, height, width, 3], about -1 to 1. Errors as above.
  Result<HostTensor> decode(const DeviceStream &stream, const HostTensor &latent) const;
  const ImageProgram &program() const { return program_; }

 private:
  VaeDecoder(ImageProgram program, AutoencoderSettings settings)
      : program_(std::move(program)), settings_(std::move(settings)) {}
  ImageProgram program_;
  AutoencoderSettings settings_;
};

}  // namespace flame
