#include "core/train/random_batch.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>

#include "core/base/terminal.h"
#include "core/runtime/conformance/fill.h"
#include "core/sample/text_encoders.h"
#include "core/tensor/numbers.h"
#include "core/train/objective.h"

namespace flame {
namespace {

using conformance::Content;

const std::string kCaption = "a photograph of a lighthouse on a cliff";
constexpr std::string_view kTokens = ".input_ids";
constexpr std::string_view kPlacement = "picture";

// The same rows of tokens for every example.
Result<HostTensor> tokens(const std::vector<LearningEncoder> &encoders, std::string_view role,
                          const RandomBatch &request) {
  const auto encoder = std::ranges::find(encoders, role, &LearningEncoder::role);
  if (encoder == encoders.end()) {
    return plugin_error(
        fmt::format("a pass wants tokens of '{}', which does not learn", printable(role)));
  }
  FLAME_ASSIGN(const HostTensor one, token_rows(*encoder->model, kCaption, request.text_rows));
  HostTensor all{{one.type.dtype, Shape{request.batch * one.type.shape[0], one.type.shape[1]}}, {}};
  for (int64_t i = 0; i < request.batch; ++i)
    all.bytes.insert(all.bytes.end(), one.bytes.begin(), one.bytes.end());
  return all;
}

// Height and width, nothing cut off at the top and the left, height and width.
HostTensor placement(const TensorType &type, const TrainBucket &bucket) {
  const double sizes[] = {
      static_cast<double>(bucket.height), static_cast<double>(bucket.width), 0, 0,
      static_cast<double>(bucket.height), static_cast<double>(bucket.width)};
  std::vector<double> numbers(static_cast<size_t>(type.shape.element_count()));
  for (size_t i = 0; i < numbers.size(); ++i) numbers[i] = sizes[i % std::size(sizes)];
  return tensor_of(type, numbers);
}

}  // namespace

Result<PassInput> random_batch(const TrainPlan &plan, const NoiseLevels &levels,
                               const std::vector<LearningEncoder> &encoders,
                               const RandomBatch &request) {
  const TrainPlan::Pass &pass = plan.passes[request.bucket];
  PassInput input;
  input.bucket = request.bucket;
  input.sources.assign(static_cast<size_t>(request.batch), "random numbers");
  std::vector<int64_t> times;
  for (int64_t row = 0; row < request.batch; ++row)
    times.push_back(levels.draw(request.seed, 0, row));
  add_noise(input, levels, times, std::vector<double>(times.size(), 1.0), request.seed, 0);
  const std::string prefix = pass.bucket.prefix();
  for (const PlacedName &each : pass.placed.inputs) {
    if (!each.name.starts_with(prefix)) continue;
    const std::string name = each.name.substr(prefix.size());
    const TensorType type = each.tensor.typed.type();
    if (input.tensors.contains(name) || name == kLearningInput) continue;  // the trainer's
    if (name.ends_with(kTokens)) {
      const auto role = std::string_view(name).substr(0, name.size() - kTokens.size());
      FLAME_ASSIGN(input.tensors[name], tokens(encoders, role, request));
    } else if (name == kPlacement) {
      input.tensors[name] = placement(type, pass.bucket);
    } else if (name == kMaskInput) {
      input.tensors[name] = tensor_of(
          type, std::vector<double>(static_cast<size_t>(type.shape.element_count()), 1.0));
    } else if (is_float(type.dtype)) {
      const uint64_t seed = request.seed ^ conformance::hash_of(name);
      input.tensors[name] =
          tensor_of(type, conformance::numbers_for(Content::kNormal, type, 0, seed));
    } else {
      return plugin_error(
          fmt::format("a pass wants '{}', {}, for which there are no random numbers",
                      printable(name), type.text()));
    }
  }
  return input;
}

}  // namespace flame
