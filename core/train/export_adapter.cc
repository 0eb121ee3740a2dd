#include "core/train/export_adapter.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "core/base/file.h"
#include "core/base/rounded_size.h"
#include "core/base/terminal.h"
#include "core/base/text.h"
#include "core/io/adapter_file.h"
#include "core/io/weight_writer.h"
#include "core/tensor/gather.h"
#include "core/train/adapter_layers.h"
#include "core/train/lora_keys.h"

namespace flame {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kWeight = ".weight";

Error export_error(std::string what, std::string hint) {
  return {ErrorKind::kFailed, std::move(what), std::move(hint)};
}

// How a layer is named for the exporter, and whether the file has it as a convolution.
struct NamedLayer {
  std::string name;
  bool is_window = false;
};

Result<NamedLayer> name_of(const ExportedPart &part, const TrainedLayer &layer,
                           const std::optional<size_t> &layout) {
  const Shape weight = layer.weight();
  if (!layout) return NamedLayer{layer.name, weight.rank() == 4};
  FLAME_ASSIGN(const WeightSource source,
               part.model->source(*layout, layer.name + std::string(kWeight), weight));
  const bool is_turned = weight.rank() == 2 && !source.keeps_order();
  if (!source.is_whole() || is_turned || !source.key.ends_with(kWeight)) {
    return config_error(fmt::format("'{}' of '{}' has no weight of its own in the layout '{}'",
                                    printable(layer.name), printable(part.part),
                                    part.model->layouts()[*layout].name),
                        "leave the layer out of the adapter, or choose another exporter");
  }
  return NamedLayer{source.key.substr(0, source.key.size() - kWeight.size()),
                    source.shape.rank() == 4};
}

// A tensor as files have it: channels behind the output, and four sizes where the weight has them.
// Without bytes, as before a training, it is zeros.
HostTensor in_file_order(const HostTensor &tensor, bool is_window) {
  HostTensor given = tensor;
  given.bytes.resize(static_cast<size_t>(given.type.size_bytes()));
  const Shape &shape = tensor.type.shape;
  if (shape.rank() == 4) {
    constexpr int64_t kChannelsSecond[] = {0, 3, 1, 2};
    return permuted(given, kChannelsSecond);
  }
  if (is_window) given.type.shape = Shape{shape[0], shape[1], 1, 1};
  return given;
}

HostTensor scalar_of(double number) {
  HostTensor scalar{{DType::kF32, Shape()}, std::vector<std::byte>(sizeof(float))};
  const auto narrow = static_cast<float>(number);
  std::memcpy(scalar.bytes.data(), &narrow, sizeof narrow);
  return scalar;
}

Status add_part(const ExportedPart &part, const PluginExporter &exporter, TensorMap &tensors) {
  FLAME_ASSIGN(const std::vector<TrainedLayer> layers, layers_of(part));
  FLAME_ASSIGN(const std::string wanted, exporter.layer_layout(part.part));
  std::optional<size_t> layout;
  if (!wanted.empty()) {
    FLAME_ASSIGN(layout, find_layout(*part.model, wanted));
  }
  for (const TrainedLayer &layer : layers) {
    FLAME_ASSIGN(const NamedLayer named, name_of(part, layer, layout));
    const std::string stem = part.part + "/" + named.name;
    tensors[stem + std::string(kDown)] = in_file_order(*layer.down, named.is_window);
    tensors[stem + std::string(kUp)] = in_file_order(*layer.up, named.is_window);
    tensors[stem + ".alpha"] = scalar_of(layer.alpha);
  }
  return {};
}

// What the exporter is given: flame/exporter.h says the names.
Result<TensorMap> tensors_of(const AdapterExport &given, const PluginExporter &exporter) {
  TensorMap tensors;
  for (const ExportedPart &part : given.parts) FLAME_TRY(add_part(part, exporter, tensors));
  if (!tensors.empty()) return tensors;
  return config_error("there is no adapter to export", "train some layers");
}

// Of the layer's weight in files, from its pair.
Shape weight_of(const LowRankPair &pair) {
  const Shape &down = pair.down.type.shape;
  const int64_t out = pair.up.type.shape[0];
  return down.rank() == 2 ? Shape{out, down[1]} : Shape{out, down[1], down[2], down[3]};
}

bool same_sizes(const Shape &pair, const Shape &known) {
  if (pair.rank() == known.rank()) return pair == known;
  return pair.element_count() == known.element_count() && pair[0] == known[0] &&
         pair[1] == known[1];
}

Result<ExportReport> report_of(const AdapterExport &given, const fs::path &file, size_t modules) {
  ExportReport report;
  FLAME_ASSIGN(const std::vector<LowRankPair> pairs, read_adapter(file));
  report.modules = pairs.size();
  std::error_code ignored;
  report.size_bytes = fs::file_size(file, ignored);
  const std::string path = printable(given.path.string());
  if (pairs.size() != modules) {
    return export_error(
        fmt::format("{}: {} of {} modules came back when it was read", path, pairs.size(), modules),
        "nothing is kept; use another version of the exporter");
  }
  const LoraKeys *keys = LoraKeys::of_model(given.model);
  if (!keys) return report;
  report.has_table = true;
  std::vector<std::string> unknown, misshaped;
  for (const LowRankPair &pair : pairs) {
    const Shape *known = keys->find(pair.stem);
    if (!known) {
      unknown.push_back(printable(pair.stem));
    } else if (!same_sizes(weight_of(pair), *known)) {
      misshaped.push_back(fmt::format("{} changes a weight of {}, expected {}",
                                      printable(pair.stem), weight_of(pair).text(), known->text()));
    }
  }
  report.known = pairs.size() - unknown.size();
  report.other_sizes = misshaped.size() == report.known && !misshaped.empty();
  if (!unknown.empty()) {
    return export_error(fmt::format("{}: {} of {} modules have names that no program knows:\n  {}",
                                    path, unknown.size(), pairs.size(), listed(unknown)),
                        "nothing is kept; leave these layers out of the adapter");
  }
  if (misshaped.empty() || report.other_sizes) return report;
  return export_error(fmt::format("{}: {} of {} modules do not fit the published model:\n  {}",
                                  path, misshaped.size(), pairs.size(), listed(misshaped)),
                      "nothing is kept; use another version of the exporter");
}

}  // namespace

std::string ExportReport::text() const {
  std::string coverage;
  if (own_weights > 0)
    return fmt::format("{} weights that learned, {}", own_weights, rounded_size_text(size_bytes));
  if (has_table) coverage = fmt::format(", {} of them known to other programs", known);
  if (other_sizes) coverage += ", of other sizes than the published model's";
  return fmt::format("{} modules{}, {}", modules, coverage, rounded_size_text(size_bytes));
}

Status check_export(const AdapterExport &given, const ExporterMaker &make) {
  FLAME_TRY(check_place(given));
  FLAME_ASSIGN(const PluginExporter exporter, make(given.path));
  FLAME_ASSIGN(const TensorMap tensors, tensors_of(given, exporter));
  return exporter.check(tensors);
}

Result<ExportReport> export_adapter(const AdapterExport &given, const ExporterMaker &make) {
  FLAME_TRY(check_path(given));
  UncheckedFile unchecked(given.path);
  FLAME_ASSIGN(const PluginExporter exporter, make(unchecked.path()));
  FLAME_ASSIGN(const TensorMap tensors, tensors_of(given, exporter));
  ExportFacts facts = given.facts;
  facts.emplace_back("model", given.model);
  FLAME_TRY(exporter.write(tensors, facts));
  FLAME_ASSIGN(const ExportReport report, report_of(given, unchecked.path(), tensors.size() / 3));
  FLAME_TRY(unchecked.rename_to(given.path));
  return report;
}

}  // namespace flame
