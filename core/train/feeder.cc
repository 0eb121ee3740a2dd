#include "core/train/feeder.h"

#include <fmt/core.h>

#include "core/sample/text_encoders.h"
#include "core/tensor/numbers.h"
#include "core/train/objective.h"
#include "core/train/random_streams.h"
#include "flame/philox.hpp"

namespace flame {
namespace {

const std::string kImage = "image", kMask = "mask", kPlacement = "placement";
const std::string kPicture = "picture";  // the conditions' name for where the example was cut

// Puts one example's tensor behind those that are there.
void append(TensorMap &tensors, const std::string &name, const HostTensor &one, bool has_rows) {
  HostTensor &all = tensors[name];
  all.bytes.insert(all.bytes.end(), one.bytes.begin(), one.bytes.end());
  const int64_t rows = has_rows ? one.type.shape[0] : 1;
  const int64_t before = all.type.shape.rank() == 0 ? 0 : all.type.shape[0];
  std::vector<int64_t> sizes{before + rows};
  for (size_t axis = has_rows ? 1 : 0; axis < one.type.shape.rank(); ++axis)
    sizes.push_back(one.type.shape[axis]);
  all.type = {one.type.dtype, *Shape::make(sizes)};
}

HostTensor ones(const Shape &latent) {
  const Shape shape{latent[0], latent[1], 1};
  return tensor_of({DType::kF32, shape},
                   std::vector<double>(static_cast<size_t>(shape.element_count()), 1.0));
}

}  // namespace

Status Feeder::add_text(PassInput &input, const std::string &caption) const {
  FLAME_ASSIGN(const TensorMap states, features_.states(caption));
  for (const auto &[name, tensor] : states) append(input.tensors, name, tensor, true);
  for (const LearningEncoder &encoder : encoders_) {
    FLAME_ASSIGN(const HostTensor ids, token_rows(*encoder.model, caption, settings_.text_rows));
    append(input.tensors, encoder.role + ".input_ids", ids, true);
  }
  return {};
}

Status Feeder::add_example(PassInput &input, const BatchItem &item, bool drops_caption) const {
  const uint64_t example = examples_[item.example].source;
  FLAME_ASSIGN(const ExampleFields fields, source_.fields(example, item.draw));
  FLAME_ASSIGN(const HostTensor latent, features_.latent(example, item.draw.picture));
  append(input.tensors, std::string(kLatentInput), latent, false);
  if (buckets_[input.bucket].masked) {
    FLAME_ASSIGN(HostTensor mask, features_.mask(example, item.draw.picture));
    if (mask.bytes.empty()) mask = ones(latent.type.shape);
    append(input.tensors, std::string(kMaskInput), mask, false);
  }
  FLAME_ASSIGN(const HostTensor placement, source_.read(example, item.draw, kPlacement));
  append(input.tensors, kPicture, placement, false);
  input.sources.emplace_back(fields.text("source"));
  return add_text(input, drops_caption ? "" : std::string(fields.text("caption")));
}

std::vector<double> Feeder::loss_weights(const std::vector<BatchItem> &items) const {
  std::vector<double> weights;
  for (const BatchItem &item : items) weights.push_back(examples_[item.example].loss_weight);
  return weights;
}

void add_noise(PassInput &input, const NoiseLevels &levels, const std::vector<int64_t> &times,
               const std::vector<double> &loss_weights, uint64_t seed, int64_t counter) {
  std::vector<double> signal, noise, time, weight;
  for (size_t row = 0; row < times.size(); ++row) {
    const NoiseMix &mix = levels.at(times[row]);
    signal.push_back(mix.signal);
    noise.push_back(mix.noise);
    time.push_back(static_cast<double>(times[row]));
    weight.push_back(levels.weight(times[row]) * loss_weights[row]);
  }
  const TensorType row{DType::kF32, Shape{static_cast<int64_t>(times.size())}};
  input.tensors[std::string(kSignalInput)] = tensor_of(row, signal);
  input.tensors[std::string(kNoiseInput)] = tensor_of(row, noise);
  input.tensors[std::string(kTimeInput)] = tensor_of(row, time);
  input.tensors[std::string(kWeightInput)] = tensor_of(row, weight);
  const auto whole = [&](std::string_view name, int64_t value) {
    const auto bytes = std::as_bytes(std::span(&value, 1));
    input.tensors[std::string(name)] = {{DType::kI64, Shape()}, {bytes.begin(), bytes.end()}};
  };
  whole(kSeedInput, static_cast<int64_t>(seed));
  whole(kCounterInput, counter);
}

Result<PassInput> Feeder::input(int64_t number) const {
  const MicroBatch batch = order_.at(static_cast<uint64_t>(number));
  PassInput input;
  input.bucket = batch.bucket;
  input.number = number;
  std::vector<int64_t> times;
  for (size_t row = 0; row < batch.items.size(); ++row) {
    const PhiloxWords words =
        random_words(static_cast<int64_t>(settings_.seed), number, kCaptionDropoutStream, row);
    FLAME_TRY(
        add_example(input, batch.items[row], uniform_of(words[0]) < settings_.caption_dropout));
    times.push_back(levels_.draw(settings_.seed, number, static_cast<int64_t>(row)));
  }
  add_noise(input, levels_, times, loss_weights(batch.items), settings_.seed, number);
  return input;
}

Result<PassInput> Feeder::input(const Fixed &fixed) const {
  PassInput input;
  input.bucket = fixed.bucket;
  input.number = fixed.counter;
  for (const BatchItem &item : fixed.items) FLAME_TRY(add_example(input, item, false));
  add_noise(input, levels_, fixed.times, loss_weights(fixed.items), settings_.seed, fixed.counter);
  return input;
}

}  // namespace flame
