#include "core/train/merge_adapter.h"

#include <fmt/core.h>

#include <algorithm>

#include "core/base/terminal.h"
#include "core/io/weight_loader.h"
#include "core/tensor/convert.h"
#include "core/tensor/numbers.h"
#include "core/train/adapter_layers.h"

namespace flame {
namespace {

// Where a layer changes a tensor of the base, or a weight that learned stands anew.
struct Change {
  TrainedLayer layer;
  const HostTensor *weight = nullptr;  // then there is no layer
  WeightSource source;
};
using Changes = std::map<std::string, std::vector<Change>, std::less<>>;  // by the tensor's name

// alpha / rank · up · down, in the shape of the layer's weight in programs.
HostTensor change_of(const TrainedLayer &layer) {
  const std::vector<double> up = numbers_of(*layer.up), down = numbers_of(*layer.down);
  const Shape weight = layer.weight();
  const auto rank = static_cast<size_t>(layer.rank()), outs = static_cast<size_t>(weight[0]);
  const size_t width = down.size() / rank;
  const double scale = layer.alpha / layer.rank();
  std::vector<double> change(outs * width);
  for (size_t out = 0; out < outs; ++out) {
    for (size_t r = 0; r < rank; ++r) {
      const double factor = scale * up[out * rank + r];
      for (size_t i = 0; i < width; ++i) change[out * width + i] += factor * down[r * width + i];
    }
  }
  return tensor_of({DType::kF32, weight}, change);
}

// Finds the parts' parameters in the base.
class ChangeFinder {
 public:
  explicit ChangeFinder(const MergeBase &base) : base_(base) {}

  Status add(const ExportedPart &part, const WeightMatch &match) {
    if (part.own_weights) {
      for (const auto &[name, tensor] : part.tensors)
        FLAME_TRY(add(part, match, name, tensor.type.shape, {{}, &tensor, {}}));
      return {};
    }
    FLAME_ASSIGN(const std::vector<TrainedLayer> layers, layers_of(part));
    for (const TrainedLayer &layer : layers)
      FLAME_TRY(add(part, match, layer.name + ".weight", layer.weight(), {layer, nullptr, {}}));
    return {};
  }

  Changes changes;

 private:
  Status add(const ExportedPart &part, const WeightMatch &match, const std::string &parameter,
             const Shape &shape, Change change) {
    const auto placed = std::ranges::find(match.placed, parameter, &PlacedWeight::parameter);
    if (placed == match.placed.end() || placed->type.shape != shape) {
      return config_error(
          fmt::format("{}: has no '{}' of {} for '{}'", printable(base_.weights->name()),
                      printable(parameter), shape.text(), printable(part.part)),
          "merge into the model that was trained");
    }
    change.source = placed->source;
    changes[placed->entry.tensor->name].push_back(std::move(change));
    return {};
  }

  const MergeBase &base_;
};

Result<Changes> changes_of(const AdapterExport &given, const MergeBase &base) {
  ChangeFinder finder(base);
  for (size_t i = 0; i < given.parts.size(); ++i)
    FLAME_TRY(finder.add(given.parts[i], base.matches[i]));
  if (!finder.changes.empty()) return std::move(finder.changes);
  return config_error("there is nothing to merge", "train some layers");
}

// The tensor with its changes, in f32.
Result<HostTensor> merged(const WeightSet::Entry &entry, const std::vector<Change> &changes) {
  FLAME_ASSIGN(const HostTensor stored, entry.file->read(*entry.tensor));
  HostTensor sum{{DType::kF32, stored.type.shape}, {}};
  sum.bytes.resize(static_cast<size_t>(sum.type.size_bytes()));
  convert_elements(stored.type.dtype, stored.bytes, DType::kF32, sum.bytes);
  auto *numbers = reinterpret_cast<float *>(sum.bytes.data());
  for (const Change &change : changes) {
    const HostTensor rows =
        rows_of(change.source, change.weight ? *change.weight : change_of(change.layer));
    const auto *given = reinterpret_cast<const float *>(rows.bytes.data());
    const int64_t count = rows.type.shape.element_count();
    float *to = numbers + change.source.first_row * (count / change.source.row_count);
    for (int64_t i = 0; i < count; ++i) to[i] = change.weight ? given[i] : to[i] + given[i];
  }
  return sum;
}

ExportTensors tensors_of(const MergeBase &base, const Changes &changes) {
  ExportTensors tensors;
  for (const auto &[name, in_file] : base.weights->tensors()) {
    const WeightSet::Entry entry = in_file;  // clang 14 takes no binding into a lambda
    const auto found = changes.find(name);
    const DType stored = entry.tensor->type->dtype.value_or(DType::kU8);
    if (found == changes.end()) {
      tensors[fmt::format("model:{}", name)] = {
          {stored, entry.tensor->shape}, [entry] { return entry.file->read(*entry.tensor); }};
    } else {
      tensors[fmt::format("model:{}", name)] = {
          {DType::kF32, entry.tensor->shape},
          [entry, &list = found->second] { return merged(entry, list); }};
    }
  }
  return tensors;
}

// The file holds every tensor of the base, in its shape.
Status check_tensors(const std::filesystem::path &path, const MergeBase &base) {
  FLAME_ASSIGN(const SafetensorsFile file, SafetensorsFile::open(path));
  for (const auto &[name, entry] : base.weights->tensors()) {
    const StoredTensor *tensor = file.find(name);
    if (tensor && tensor->shape == entry.tensor->shape) continue;
    return Error{ErrorKind::kFailed,
                 fmt::format("the tensor '{}' did not come back when the merged file was read",
                             printable(name)),
                 "nothing is kept; use another version of the exporter"};
  }
  return {};
}

}  // namespace

Status check_merge(const AdapterExport &given, const MergeBase &base) {
  FLAME_TRY(check_place(given));
  const Result<Changes> changes = changes_of(given, base);
  return changes.ok() ? Status() : changes.error();
}

Result<ExportReport> merge_adapter(const AdapterExport &given, const MergeBase &base,
                                   const ExporterMaker &make) {
  FLAME_TRY(check_path(given));
  FLAME_ASSIGN(const Changes changes, changes_of(given, base));
  UncheckedFile unchecked(given.path);
  FLAME_ASSIGN(const PluginExporter exporter, make(unchecked.path()));
  ExportFacts facts = given.facts;
  facts.emplace_back("model", given.model);
  FLAME_TRY(exporter.write(tensors_of(base, changes), facts));
  FLAME_TRY(check_tensors(unchecked.path(), base));
  ExportReport report;
  for (const auto &[name, list] : changes) {
    for (const Change &change : list) ++(change.weight ? report.own_weights : report.modules);
  }
  std::error_code ignored;
  report.size_bytes = std::filesystem::file_size(unchecked.path(), ignored);
  FLAME_TRY(unchecked.rename_to(given.path));
  return report;
}

}  // namespace flame
