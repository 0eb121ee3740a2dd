// Where the pairs of an adapter's file belong, and the program that has them.
#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "core/base/terminal.h"
#include "core/base/text.h"
#include "core/io/adapter_file.h"
#include "core/ops/catalogue/terms.h"
#include "core/program/rewrite.h"
#include "core/tensor/gather.h"
#include "core/tensor/numbers.h"

namespace flame {
namespace {

constexpr std::string_view kWeight = ".weight";
constexpr size_t kProblemsShown = 20;
// What stands before a layer's name of any model, with underscores for dots.
const std::vector<std::string> kBeginnings = {
    "",          "lora_unet_",       "lora_te_",        "lora_te1_",    "lora_te2_",
    "unet_",     "text_encoder_",    "text_encoder_2_", "transformer_", "diffusion_model_",
    "lora_te3_", "base_model_model_"};

std::string underscored(std::string text) {
  std::ranges::replace(text, '.', '_');
  return text;
}

// Every name of every layer, underscored, with the parameter.
using LayerNames = std::map<std::string, const PlacedWeight *>;
Result<LayerNames> layer_names(const PluginModel &model, const std::vector<PlacedWeight> &weights) {
  LayerNames names;
  const auto add = [&](std::string_view key, const PlacedWeight &weight) {
    if (key.ends_with(kWeight))
      names.emplace(underscored(std::string(key.substr(0, key.size() - kWeight.size()))), &weight);
  };
  for (const PlacedWeight &weight : weights) add(weight.parameter, weight);
  for (size_t layout = 0; layout < model.layouts().size(); ++layout) {
    for (const PlacedWeight &weight : weights) {
      FLAME_ASSIGN(const WeightSource source,
                   model.source(layout, weight.parameter, weight.type.shape));
      if (source.is_whole()) add(source.key, weight);
      // Encoders are named with what a layout takes for a prefix: "text_model.".
      for (const std::string &prefix : model.layouts()[layout].prefixes)
        if (source.is_whole()) add(prefix + source.key, weight);
    }
  }
  return names;
}

const PlacedWeight *find_layer(const LayerNames &names, std::span<const std::string> beginnings,
                               const std::string &stem) {
  const std::string name = underscored(stem);
  for (const std::string &beginning : beginnings) {
    if (!name.starts_with(beginning)) continue;
    const auto found = names.find(name.substr(beginning.size()));
    if (found != names.end()) return found->second;
  }
  return nullptr;
}

// Sizes of the pair against those of the weight, whose convolutions are [out, height, width, in].
bool fits(const LowRankPair &pair, const Shape &weight) {
  const Shape &down = pair.down.type.shape;
  if (weight.rank() < 2 || pair.up.type.shape[0] != weight[0]) return false;
  if (weight.rank() == 2)
    return down.element_count() == down[0] * weight[1] && down[1] == weight[1];
  return weight.rank() == 4 && down.rank() == 4 && down[1] == weight[3] && down[2] == weight[1] &&
         down[3] == weight[2];
}

Shape last(const Shape &shape) {
  return shape.rank() == 4 ? Shape{shape[0], shape[2], shape[3], shape[1]} : shape;
}

// W + scale · up · down.
ValueId adapted_weight(ProgramBuilder &target, const Term &weight, const LowRankPair &pair) {
  const auto matrix = [&](const std::string &key, const HostTensor &tensor) {
    const Shape shape = last(tensor.type.shape);
    const Term value =
        target.term(target.parameter("adapter/" + key, {weight.type().dtype, shape}, true));
    return reshape(value, {shape[0], shape.element_count() / shape[0]});
  };
  const Term up = matrix(pair.up_key, pair.up);
  const Term down = matrix(pair.down_key, pair.down);
  const Term change = reshape(matmul(up, down), weight.type().shape);
  return (weight + change * pair.scale).id();
}

}  // namespace

Result<std::vector<std::vector<PlacedPair>>> place_adapter(const std::vector<LowRankPair> &pairs,
                                                           std::span<const AdapterTarget> targets) {
  std::vector<LayerNames> names;
  std::string models;
  for (const AdapterTarget &target : targets) {
    FLAME_ASSIGN(LayerNames own, layer_names(*target.model, *target.weights));
    names.push_back(std::move(own));
    models += (models.empty() ? "'" : ", '") + target.model->component() + "'";
  }
  std::vector<std::vector<PlacedPair>> placed(targets.size());
  std::vector<std::string> problems;
  std::set<const PlacedWeight *> taken;
  for (const LowRankPair &pair : pairs) {
    const PlacedWeight *weight = nullptr;
    size_t at = 0;
    for (; at < targets.size(); ++at) {
      weight = find_layer(names[at], targets[at].beginnings, pair.stem);
      if (weight) break;
    }
    if (!weight) {
      problems.push_back(fmt::format("'{}' is no layer of the model", printable(pair.stem)));
    } else if (!fits(pair, weight->type.shape)) {
      problems.push_back(fmt::format("'{}': {} and {} do not fit the weight {}",
                                     printable(pair.stem), pair.down.type.shape.text(),
                                     pair.up.type.shape.text(), weight->type.shape.text()));
    } else if (!taken.insert(weight).second) {
      problems.push_back(fmt::format("'{}': the layer has another pair", printable(pair.stem)));
    } else {
      placed[at].push_back({&pair, weight->parameter});
    }
  }
  if (problems.empty()) return placed;
  const size_t count = problems.size();
  if (count > kProblemsShown) {
    problems.resize(kProblemsShown);
    problems.push_back(fmt::format("and {} more", count - kProblemsShown));
  }
  return config_error(fmt::format("the adapter does not fit the model {} ({} of {} pairs):\n  {}",
                                  models, count, pairs.size(), join(problems, "\n  ")),
                      "is it an adapter of this model?");
}

Result<std::vector<PlacedPair>> place_adapter(const std::vector<LowRankPair> &pairs,
                                              const PluginModel &model,
                                              const std::vector<PlacedWeight> &weights) {
  const AdapterTarget target{&model, &weights, kBeginnings};
  FLAME_ASSIGN(auto placed, place_adapter(pairs, {&target, 1}));
  return std::move(placed.front());
}

Result<WeightChange> change_of(const LowRankPair &pair, double strength) {
  const auto numbers = [](const HostTensor &tensor) {
    const std::vector<int64_t> last_axes = {0, 2, 3, 1};
    return numbers_of(tensor.type.shape.rank() == 4 ? permuted(tensor, last_axes) : tensor);
  };
  WeightChange change;
  change.rank = pair.down.type.shape[0];
  const double factor = strength * pair.scale;
  for (const double x : numbers(pair.up)) change.up.push_back(static_cast<float>(factor * x));
  for (const double x : numbers(pair.down)) change.down.push_back(static_cast<float>(x));
  const auto finite = [](float x) { return std::isfinite(x); };
  for (const auto &[key, half] :
       {std::pair(&pair.up_key, &change.up), std::pair(&pair.down_key, &change.down)}) {
    if (std::ranges::all_of(*half, finite)) continue;
    return config_error(fmt::format("'{}' (times {:g}) holds numbers that are not finite",
                                    printable(*key), half == &change.up ? factor : 1.0),
                        "the adapter's training diverged: take an earlier one");
  }
  return change;
}

Result<Program> with_adapter(const Program &program, const std::vector<PlacedPair> &pairs) {
  ProgramBuilder target;
  const auto bind = [&](std::string_view name, ValueId value) -> ValueId {
    const auto found = std::ranges::find(pairs, name, &PlacedPair::parameter);
    if (found == pairs.end() || !program.find_parameter(name)) return 0;
    const Term weight = target.term(target.parameter(name, program.type(value), false));
    return adapted_weight(target, weight, *found->pair);
  };
  ProgramCopy copy(program, target, bind);
  for (const Node &node : program.nodes()) copy.add(node, target);
  copy.outputs();
  return target.finish();
}

}  // namespace flame
