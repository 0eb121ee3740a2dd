#include "core/train/features.h"

#include <fmt/core.h>

#include "core/runtime/conformance/fill.h"

namespace flame {
namespace {

const std::string kLatent = "latent", kMask = "mask", kImage = "image";

}  // namespace

FeatureKey Features::picture_key(const std::string &identity, uint64_t picture) const {
  FeatureKey key;
  key.add("kind", "latent").add("models", settings_.picture_key).add("identity", identity);
  key.add("picture", static_cast<int64_t>(picture));
  return key;
}

FeatureKey Features::text_key(const std::string &caption) const {
  FeatureKey key;
  key.add("kind", "text").add("models", settings_.text_key).add("caption", caption);
  key.add("rows", int64_t{settings_.text_rows});
  return key;
}

Result<TensorMap> Features::made_picture(uint64_t example, uint64_t picture,
                                         const std::string &identity) {
  const ExampleDraw draw{picture, 0};
  FLAME_ASSIGN(const ExampleFields fields, source_.fields(example, draw));
  FLAME_ASSIGN(const HostTensor image, source_.read(example, draw, kImage));
  const uint64_t key = conformance::hash_of(fmt::format("{} {}", identity, picture));
  TensorMap made;
  FLAME_ASSIGN(made[kLatent], maker_.latent(image, key));
  if (fields.tensors.contains(kMask)) {
    FLAME_ASSIGN(const HostTensor mask, source_.read(example, draw, kMask));
    made[kMask] = latent_mask(mask, settings_.unit);
  }
  return made;
}

Result<TensorMap> Features::picture(uint64_t example, uint64_t picture) {
  FLAME_ASSIGN(const std::string identity, source_.identity(example));
  const FeatureKey key = picture_key(identity, picture);
  FLAME_ASSIGN(std::optional<TensorMap> known, cache_.find(key));
  if (known) return std::move(*known);
  FLAME_ASSIGN(TensorMap made, made_picture(example, picture, identity));
  FLAME_TRY(cache_.store(key, made));
  return made;
}

Result<HostTensor> Features::latent(uint64_t example, uint64_t picture) {
  FLAME_ASSIGN(TensorMap tensors, this->picture(example, picture));
  return std::move(tensors.at(kLatent));
}

Result<HostTensor> Features::mask(uint64_t example, uint64_t picture) {
  FLAME_ASSIGN(TensorMap tensors, this->picture(example, picture));
  const auto mask = tensors.find(kMask);
  return mask == tensors.end() ? HostTensor() : std::move(mask->second);
}

Result<TensorMap> Features::states(const std::string &caption) {
  const FeatureKey key = text_key(caption);
  FLAME_ASSIGN(std::optional<TensorMap> known, cache_.find(key));
  if (known) return std::move(*known);
  FLAME_ASSIGN(TensorMap made, maker_.states(caption, settings_.text_rows));
  FLAME_TRY(cache_.store(key, made));
  return made;
}

Result<std::vector<BrokenExample>> Features::prepare(std::span<const TrainingSet::Example> examples,
                                                     const Progress &progress) {
  uint64_t total = 0, done = 0;
  for (const TrainingSet::Example &example : examples)
    total += example.info.picture_variants + example.info.caption_variants;
  std::vector<BrokenExample> broken;
  FLAME_ASSIGN(const TensorMap empty, states(""));
  for (const TrainingSet::Example &example : examples) {
    for (uint64_t variant = 0; variant < example.info.picture_variants; ++variant) {
      const Result<TensorMap> made = picture(example.source, variant);
      if (!made.ok() && made.error().kind != ErrorKind::kStorage) return made.error();
      if (!made.ok()) {
        broken.push_back({example.source, made.error()});
        break;
      }
      FLAME_TRY(progress(++done, total));
    }
    for (uint64_t variant = 0; variant < example.info.caption_variants; ++variant) {
      FLAME_ASSIGN(const ExampleFields fields, source_.fields(example.source, {0, variant}));
      FLAME_ASSIGN(const TensorMap made, states(std::string(fields.text("caption"))));
      FLAME_TRY(progress(++done, total));
    }
  }
  return broken;
}

}  // namespace flame
