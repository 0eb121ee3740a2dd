#include "core/train/feature_maker.h"

#include <algorithm>
#include <cmath>

#include "core/ops/catalogue/terms.h"
#include "core/sample/planned_program.h"
#include "core/tensor/numbers.h"
#include "core/train/random_streams.h"
#include "flame/philox.hpp"

namespace flame {
namespace {

constexpr std::string_view kEncode = "encode";

std::vector<std::byte> bytes_of(const std::vector<float> &numbers) {
  const auto bytes = std::as_bytes(std::span(numbers));
  return {bytes.begin(), bytes.end()};
}

std::vector<float> encoding_noise(uint64_t key, size_t count) {
  std::vector<float> noise(count);
  for (size_t i = 0; i < count; i += 4) {
    const auto words = random_words(static_cast<int64_t>(key), 0, kEncodingStream, i / 4);
    const auto first = normal_pair(words[0], words[1]), second = normal_pair(words[2], words[3]);
    const double drawn[] = {first[0], first[1], second[0], second[1]};
    for (size_t k = 0; k < std::min<size_t>(4, count - i); ++k)
      noise[i + k] = static_cast<float>(drawn[k]);
  }
  return noise;
}

}  // namespace

// Weights are read with the first size; programs of further sizes share them. Where the device has
// no room for a whole picture, it is encoded in bands.
Result<const ImageProgram *> FeatureMaker::encoder_for(int64_t height, int64_t width) {
  const auto known = pictures_.find({height, width});
  if (known != pictures_.end()) return &known->second;
  const auto part = std::ranges::find(models_.spec.parts, DiffusionPart::Kind::kAutoencoder,
                                      &DiffusionPart::kind);
  const PaintModel &model = models_.parts[static_cast<size_t>(part - models_.spec.parts.begin())];
  FLAME_ASSIGN(const Program program,
               model.model->build(kEncode, {{"batch", 1}, {"height", height}, {"width", width}}));
  // Its activations exceed what f16 can hold.
  const DType compute = compute_ == DType::kF16 ? DType::kF32 : compute_;
  FLAME_ASSIGN(const Program stored, stored_program(program, part->role + "/", {compute}));
  FLAME_ASSIGN(ImageProgram planned, ImageProgram::plan(stored, device_));
  FLAME_ASSIGN(const uint64_t free_bytes, device_.free_memory());
  for (int64_t rows = height / 2;
       free_bytes != 0 && planned.arena_bytes() > free_bytes && rows >= models_.spec.latent_size;
       rows /= 2) {
    FLAME_ASSIGN(planned, ImageProgram::plan_bands(stored, device_, rows));
  }
  FLAME_TRY(planned.make(*store_));
  if (pictures_.empty()) {
    role_ = part->role;
    FLAME_ASSIGN(stream_, device_.create_stream());
    std::vector<WeightJob> jobs;
    FLAME_TRY(add_jobs(model, planned.parameters(), role_ + "/", jobs));
    FLAME_TRY(load_weights(jobs, device_, stream_));
  }
  return &pictures_.emplace(std::pair(height, width), std::move(planned)).first->second;
}

Result<HostTensor> FeatureMaker::latent(const HostTensor &picture, uint64_t key) {
  const int64_t height = picture.type.shape[0], width = picture.type.shape[1];
  FLAME_ASSIGN(const ImageProgram *encoder, encoder_for(height, width));
  std::vector<float> sample;
  sample.reserve(picture.bytes.size());
  for (const std::byte value : picture.bytes)
    sample.push_back(static_cast<float>(std::to_integer<int>(value)) / 127.5F - 1.0F);
  const int64_t unit = models_.spec.latent_size;
  const Shape noise{1, height / unit, width / unit, models_.spec.latent_channels};
  const auto count = static_cast<size_t>(noise.element_count());
  TensorMap given;
  given[role_ + "/sample"] = {{DType::kF32, Shape{1, height, width, 3}}, bytes_of(sample)};
  given[role_ + "/noise"] = {{DType::kF32, noise}, bytes_of(encoding_noise(key, count))};
  FLAME_ASSIGN(TensorMap answers, encoder->run(stream_, given));
  HostTensor latent = std::move(answers.at("latent"));
  for (const double x : numbers_of(latent)) {
    if (std::isfinite(x)) continue;
    return Error{ErrorKind::kNumeric, "the latent of a picture holds numbers that are not finite",
                 "compute in f32 or bf16, or take the autoencoder that was repaired for f16"};
  }
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
