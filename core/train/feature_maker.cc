#include "core/train/feature_maker.h"

#include <algorithm>

#include "core/ops/catalogue/terms.h"

namespace flame {
namespace {

std::vector<std::byte> bytes_of(const std::vector<float> &numbers) {
  const auto bytes = std::as_bytes(std::span(numbers));
  return {bytes.begin(), bytes.end()};
}

}  // namespace

// Weights are read with the first size; programs of further sizes share them.
Result<const VaeEncoder *> FeatureMaker::encoder_for(int64_t height, int64_t width) {
  const auto known = pictures_.find({height, width});
  if (known != pictures_.end()) return &known->second;
  const auto part = std::ranges::find(models_.spec.parts, DiffusionPart::Kind::kAutoencoder,
                                      &DiffusionPart::kind);
  if (pictures_.empty()) {
    FLAME_ASSIGN(stream_, device_.create_stream());
  }
  AutoencoderSettings settings;
  settings.height = height;
  settings.width = width;
  settings.latent_size = models_.spec.latent_size;
  settings.role = part->role;
  settings.compute = compute_ == DType::kF16 ? DType::kF32 : compute_;
  settings.weights_are_there = !pictures_.empty();
  FLAME_ASSIGN(const uint64_t free_bytes, device_.free_memory());
  if (free_bytes != 0 && !device_.readable_by_processor()) settings.most_bytes = free_bytes;
  const PaintModel &model = models_.parts[static_cast<size_t>(part - models_.spec.parts.begin())];
  FLAME_ASSIGN(VaeEncoder made, VaeEncoder::make(model, settings, *store_, stream_));
  return &pictures_.emplace(std::pair(height, width), std::move(made)).first->second;
}

Result<HostTensor> FeatureMaker::latent(const HostTensor &picture, uint64_t key) {
  const int64_t height = picture.type.shape[0], width = picture.type.shape[1];
  FLAME_ASSIGN(const VaeEncoder *encoder, encoder_for(height, width));
  std::vector<float> sample;
  sample.reserve(picture.bytes.size());
  for (const std::byte value : picture.bytes)
    sample.push_back(static_cast<float>(std::to_integer<int>(value)) / 127.5F - 1.0F);
  const HostTensor given{{DType::kF32, Shape{1, height, width, 3}}, bytes_of(sample)};
  FLAME_ASSIGN(HostTensor latent, encoder->encode(stream_, given, key));
  latent.type.shape = without_axis(latent.type.shape, 0);
  return latent;
}

Result<TensorMap> FeatureMaker::states(const std::string &text, uint32_t rows) {
  if (!texts_) {
    FLAME_ASSIGN(texts_, TextEncoders::make(models_, form_, roles_, compute_, *store_, {}));
  }
  return texts_->encode(text, rows);
}

void FeatureMaker::release() {
  pictures_.clear();
  texts_.reset();
  store_ = std::make_unique<TensorStore>(device_);
}

HostTensor latent_mask(const HostTensor &mask, int64_t unit) {
  const int64_t height = mask.type.shape[0] / unit, width = mask.type.shape[1] / unit;
  std::vector<float> part(static_cast<size_t>(height * width), 0.0F);
  for (int64_t y = 0; y < height * unit; ++y) {
    for (int64_t x = 0; x < width * unit; ++x) {
      const auto from = static_cast<size_t>(y * mask.type.shape[1] + x);
      part[static_cast<size_t>(y / unit * width + x / unit)] +=
          static_cast<float>(std::to_integer<int>(mask.bytes[from]));
    }
  }
  for (float &sum : part) sum /= 255.0F * static_cast<float>(unit * unit);
  return {{DType::kF32, Shape{height, width, 1}}, bytes_of(part)};
}

}  // namespace flame
