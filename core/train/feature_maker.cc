#include "core/train/feature_maker.h"

#include <algorithm>
#include <cmath>

#include "core/ops/catalogue/terms.h"
#include "core/runtime/evaluate.h"
#include "core/sample/planned_program.h"
#include "core/sample/program_weights.h"
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

// Weights are read with the first size; programs of further sizes share them.
Result<const Executable *> FeatureMaker::encoder_for(int64_t height, int64_t width) {
  std::unique_ptr<Executable> &made = pictures_[{height, width}];
  if (made) return made.get();
  const auto part = std::ranges::find(models_.spec.parts, DiffusionPart::Kind::kAutoencoder,
                                      &DiffusionPart::kind);
  const PaintModel &model = models_.parts[static_cast<size_t>(part - models_.spec.parts.begin())];
  FLAME_ASSIGN(const Program program,
               model.model->build(kEncode, {{"batch", 1}, {"height", height}, {"width", width}}));
  // Its activations exceed what f16 can hold.
  const DType compute = compute_ == DType::kF16 ? DType::kF32 : compute_;
  FLAME_ASSIGN(PlacedProgram placed,
               plan_program(program, {part->role + "/", {compute}, {}}, device_));
  FLAME_ASSIGN(made, Executable::make(std::move(placed), store_, Executable::Runs::kOnce));
  if (!stream_.get()) {
    FLAME_ASSIGN(stream_, device_.create_stream());
  }
  if (pictures_.size() == 1) {
    FLAME_ASSIGN(const auto jobs, weight_jobs(*made, part->role + "/", model));
    FLAME_TRY(load_weights(jobs, device_, stream_));
  }
  return made.get();
}

Result<HostTensor> FeatureMaker::latent(const HostTensor &picture, uint64_t key) {
  FLAME_ASSIGN(const Executable *encoder,
               encoder_for(picture.type.shape[0], picture.type.shape[1]));
  std::vector<float> sample;
  sample.reserve(picture.bytes.size());
  for (const std::byte value : picture.bytes)
    sample.push_back(static_cast<float>(std::to_integer<int>(value)) / 127.5F - 1.0F);
  for (const PlacedName &input : encoder->placed().inputs) {
    const auto count = static_cast<size_t>(input.tensor.typed.type().shape.element_count());
    const bool is_picture = input.name.ends_with("/sample");
    const std::vector<std::byte> bytes = bytes_of(is_picture ? sample : encoding_noise(key, count));
    FLAME_TRY(encoder->write(stream_, input.name, bytes));
    FLAME_TRY(stream_.synchronize());
  }
  FLAME_TRY(encoder->run(stream_));
  FLAME_ASSIGN(TensorMap answers, read_outputs(*encoder, stream_));
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
    FLAME_ASSIGN(texts_, TextEncoders::make(models_, form_, roles_, compute_, store_, {}));
  }
  return texts_->encode(text, rows);
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
