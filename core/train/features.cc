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

Result<Features::ReadPicture> Features::read_picture(uint64_t example, uint64_t picture) const {
  const ExampleDraw draw{picture, 0};
  FLAME_ASSIGN(const ExampleFields fields, source_.fields(example, draw));
  ReadPicture read;
  FLAME_ASSIGN(read.image, source_.read(example, draw, kImage));
  if (!fields.tensors.contains(kMask)) return read;
  FLAME_ASSIGN(read.mask, source_.read(example, draw, kMask));
  return read;
}

Result<TensorMap> Features::made_picture(const ReadPicture &read, uint64_t picture,
                                         const std::string &identity) {
  const uint64_t key = conformance::hash_of(fmt::format("{} {}", identity, picture));
  TensorMap made;
  FLAME_ASSIGN(made[kLatent], maker_.latent(read.image, key));
  if (read.mask) made[kMask] = latent_mask(*read.mask, settings_.unit);
  return made;
}

Result<TensorMap> Features::picture(uint64_t example, uint64_t picture) {
  FLAME_ASSIGN(const std::string identity, source_.identity(example));
  const FeatureKey key = picture_key(identity, picture);
  FLAME_ASSIGN(std::optional<TensorMap> known, cache_.find(key));
  if (known) return std::move(*known);
  FLAME_ASSIGN(const ReadPicture read, read_picture(example, picture));
  FLAME_ASSIGN(TensorMap made, made_picture(read, picture, identity));
  FLAME_TRY(cache_.store(key, made));
  return made;
}

// A picture that cannot be read is left out; a cache that cannot be written to ends the run.
Result<std::optional<Error>> Features::prepare_picture(uint64_t example, uint64_t picture) {
  FLAME_ASSIGN(const std::string identity, source_.identity(example));
  const FeatureKey key = picture_key(identity, picture);
  FLAME_ASSIGN(const std::optional<TensorMap> known, cache_.find(key));
  if (known) return std::optional<Error>();
  Result<ReadPicture> read = read_picture(example, picture);
  if (!read.ok() && read.error().kind == ErrorKind::kStorage)
    return std::optional<Error>(read.error());
  if (!read.ok()) return read.error();
  FLAME_ASSIGN(const TensorMap made, made_picture(*read, picture, identity));
  FLAME_TRY(cache_.store(key, made));
  return std::optional<Error>();
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
      FLAME_ASSIGN(std::optional<Error> unreadable, prepare_picture(example.source, variant));
      if (unreadable) {
        broken.push_back({example.source, std::move(*unreadable)});
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
