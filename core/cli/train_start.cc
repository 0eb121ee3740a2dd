#include "core/cli/train_start.h"

#include <fmt/core.h>

#include <algorithm>

#include "core/base/terminal.h"
#include "core/io/adapter_file.h"
#include "core/tensor/numbers.h"

namespace flame::cli {
namespace {

constexpr size_t kShown = 5;
constexpr std::string_view kWeight = ".weight";

// A file's tensor, channels first, as the program has it, times `factor`.
HostTensor as_parameter(const HostTensor &from, const TensorType &wanted, double factor) {
  const std::vector<double> numbers = numbers_of(from);
  std::vector<double> moved(numbers.size());
  const Shape &to = wanted.shape;
  if (to.rank() == 4) {
    const int64_t places = to[1] * to[2], channels = to[3];
    for (int64_t n = 0; n < to[0]; ++n) {
      for (int64_t c = 0; c < channels; ++c) {
        for (int64_t p = 0; p < places; ++p) {
          moved[static_cast<size_t>((n * places + p) * channels + c)] =
              numbers[static_cast<size_t>((n * channels + c) * places + p)];
        }
      }
    }
  } else {
    moved = numbers;
  }
  for (double &x : moved) x *= factor;
  return tensor_of(wanted, moved);
}

std::string role_of(const DrawingModels &models, const PluginModel &model) {
  for (size_t i = 0; i < models.paint.parts.size(); ++i)
    if (models.paint.parts[i].model == &model) return models.paint.spec.parts[i].role;
  return std::string(kDenoiserRole);
}

class StartReader {
 public:
  StartReader(const TrainParts &parts, const TensorMap &parameters)
      : parts_(parts), parameters_(parameters) {}

  void add(const std::string &role, const PlacedPair &placed) {
    const auto part = std::ranges::find(parts_.parts, role, &TrainedPart::role);
    if (part == parts_.parts.end())
      return wrong(fmt::format("{}: {} does not learn", placed.pair->stem, role));
    const auto &alphas = parts_.alphas[static_cast<size_t>(part - parts_.parts.begin())];
    const std::string layer = placed.parameter.substr(0, placed.parameter.size() - kWeight.size());
    const std::string name = role + "/" + layer;
    const auto down = parameters_.find(name + ".lora_down.weight");
    const auto up = parameters_.find(name + ".lora_up.weight");
    if (down == parameters_.end() || up == parameters_.end())
      return wrong(fmt::format("{}: this layer does not learn", placed.pair->stem));
    const int64_t rank = down->second.type.shape[0];
    if (placed.pair->down.type.shape[0] != rank) {
      return wrong(fmt::format("{}: rank {}, but the adapter's is {}", placed.pair->stem,
                               placed.pair->down.type.shape[0], rank));
    }
    const auto alpha = alphas.find(layer);
    const double scale = alpha == alphas.end() ? 1 : alpha->second / static_cast<double>(rank);
    start[down->first] = as_parameter(placed.pair->down, down->second.type, 1);
    start[up->first] = as_parameter(placed.pair->up, up->second.type, placed.pair->scale / scale);
  }

  Status finish(const std::filesystem::path &file) const {
    if (wrong_.empty()) return {};
    std::string lines;
    for (size_t i = 0; i < std::min(wrong_.size(), kShown); ++i)
      lines += "\n  " + printable(wrong_[i]);
    if (wrong_.size() > kShown) lines += fmt::format("\n  and {} more", wrong_.size() - kShown);
    return config_error(
        fmt::format("the adapter cannot go on from {}:{}", printable(file.string()), lines),
        "adapter.layers and rank must be those that the file was trained with");
  }

  TensorMap start;

 private:
  void wrong(std::string what) { wrong_.push_back(std::move(what)); }

  const TrainParts &parts_;
  const TensorMap &parameters_;
  std::vector<std::string> wrong_;
};

}  // namespace

Result<TensorMap> read_start(const std::filesystem::path &file, const DrawingModels &models,
                             const TrainParts &parts, const TensorMap &parameters) {
  FLAME_ASSIGN(const std::vector<LowRankPair> pairs, read_adapter(file));
  const std::vector<AdapterTarget> targets = adapter_targets(models);
  const auto found = place_adapter(pairs, targets);
  if (!found.ok()) {
    Error error = found.error();
    error.what = fmt::format("{}: {}", printable(file.string()), error.what);
    return error;
  }
  const auto &placed = *found;
  StartReader reader(parts, parameters);
  for (size_t i = 0; i < targets.size(); ++i) {
    for (const PlacedPair &pair : placed[i]) reader.add(role_of(models, *targets[i].model), pair);
  }
  FLAME_TRY(reader.finish(file));
  return std::move(reader.start);
}

}  // namespace flame::cli
