#include "core/train/training_set.h"

#include <fmt/core.h>

#include <algorithm>
#include <tuple>

#include "core/base/terminal.h"
#include "core/train/held_out.h"

namespace flame {
namespace {

Result<TrainBucket> bucket_of(const PluginDataSource &source, uint64_t example, int64_t unit) {
  FLAME_ASSIGN(const ExampleFields fields, source.fields(example, {}));
  const auto image = fields.tensors.find("image");
  if (image == fields.tensors.end() || image->second.shape.rank() != 3) {
    return config_error("the data source gives no pictures: its examples have no field 'image'",
                        "this model learns from pictures; take a source such as image-folder");
  }
  if (!fields.tensors.contains("placement")) {
    return plugin_error("the data source gives pictures without the field 'placement'",
                        "see docs/plugins/data.md");
  }
  const TrainBucket bucket{image->second.shape[0], image->second.shape[1],
                           fields.tensors.contains("mask")};
  if (bucket.height % unit == 0 && bucket.width % unit == 0) return bucket;
  return config_error(
      fmt::format(
          "the data source gives '{}' as {} × {} pixels, but the model takes multiples of {}",
          printable(fields.text("source")), bucket.width, bucket.height, unit),
      "set its resolution and its bucket step to multiples of that");
}

}  // namespace

std::vector<OrderedExample> TrainingSet::ordered() const {
  std::vector<OrderedExample> list;
  for (const Example &example : learned) {
    list.push_back({example.info.repeats, example.info.picture_variants,
                    example.info.caption_variants, static_cast<uint32_t>(example.bucket)});
  }
  return list;
}

std::vector<FedExample> TrainingSet::fed() const {
  std::vector<FedExample> list;
  for (const Example &example : learned) list.push_back({example.source, example.info.loss_weight});
  return list;
}

Result<TrainingSet> training_set(const PluginDataSource &source, std::span<const uint64_t> broken,
                                 double held_out, int64_t unit) {
  std::vector<TrainBucket> bucket_of_example;
  std::vector<TrainingSet::Example> examples;
  std::vector<std::string> identities;
  for (uint64_t number = 0; number < source.count(); ++number) {
    if (std::ranges::binary_search(broken, number)) continue;
    FLAME_ASSIGN(const TrainBucket bucket, bucket_of(source, number, unit));
    FLAME_ASSIGN(const ExampleInfo info, source.info(number));
    bucket_of_example.push_back(bucket);
    examples.push_back({number, 0, info});
    if (held_out == 0) continue;
    FLAME_ASSIGN(std::string identity, source.identity(number));
    identities.push_back(std::move(identity));
  }
  if (examples.empty()) {
    return config_error("there is no example to learn from",
                        "the notes above say what was left out of the data, and why");
  }
  TrainingSet set;
  set.buckets = bucket_of_example;
  std::ranges::sort(set.buckets, [](const TrainBucket &a, const TrainBucket &b) {
    return std::tuple(-a.height * a.width, a.height, a.masked) <
           std::tuple(-b.height * b.width, b.height, b.masked);
  });
  set.buckets.erase(std::unique(set.buckets.begin(), set.buckets.end()), set.buckets.end());
  std::vector<uint64_t> kept;
  if (held_out > 0) {
    FLAME_ASSIGN(kept, choose_held_out(identities, held_out));
  }
  for (size_t i = 0; i < examples.size(); ++i) {
    examples[i].bucket = static_cast<size_t>(std::ranges::find(set.buckets, bucket_of_example[i]) -
                                             set.buckets.begin());
    (std::ranges::binary_search(kept, i) ? set.held_out : set.learned).push_back(examples[i]);
  }
  // Buckets of held-out examples alone are planned too, but no batch is drawn from them.
  return set;
}

}  // namespace flame
