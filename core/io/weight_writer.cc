#include "core/io/weight_writer.h"

#include <fmt/core.h>

#include <algorithm>
#include <cstring>
#include <map>

#include "core/base/suggest.h"
#include "core/base/terminal.h"
#include "core/base/text.h"

namespace flame {
namespace {

// A parameter that becomes rows of a tensor of the file.
struct Part {
  size_t model = 0;
  const WantedParameter *parameter = nullptr;
  WeightSource source;
};

using Plan = std::map<std::string, std::vector<Part>>;  // by the tensor's name in the file

Error uncovered(const std::string &name, const PluginModel &model) {
  return plugin_error(
      fmt::format("the parameters of the model '{}' do not cover the tensor '{}' of the layout, "
                  "or disagree on its shape",
                  model.component(), printable(name)),
      "use another version of the plugin, or tell its author");
}

// Together, the parts hold every row once.
Status check_parts(const std::string &name, std::vector<Part> &parts,
                   std::span<const ModelToWrite> models) {
  const PluginModel &model = *models[parts.front().model].model;
  std::ranges::sort(parts, {}, [](const Part &part) { return part.source.first_row; });
  int64_t row = 0;
  for (const Part &part : parts) {
    if (part.model != parts.front().model) {
      return Error{
          ErrorKind::kFailed,
          fmt::format("the models '{}' and '{}' would both be written as '{}'", model.component(),
                      models[part.model].model->component(), printable(name)),
          "give each a layout whose names begin differently"};
    }
    if (part.source.shape != parts.front().source.shape || part.source.first_row != row)
      return uncovered(name, model);
    row += part.source.row_count;
  }
  const Shape &shape = parts.front().source.shape;
  if (row != (shape.rank() ? shape[0] : 1)) return uncovered(name, model);
  return {};
}

Result<Plan> plan_of(std::span<const ModelToWrite> models) {
  Plan plan;
  for (size_t i = 0; i < models.size(); ++i) {
    const ModelToWrite &entry = models[i];
    const std::string &prefix = entry.model->layouts()[entry.layout].prefixes.front();
    for (const WantedParameter &parameter : entry.parameters) {
      FLAME_ASSIGN(WeightSource source,
                   entry.model->source(entry.layout, parameter.name, parameter.type.shape));
      std::string name = prefix + source.key;
      plan[std::move(name)].push_back({i, &parameter, std::move(source)});
    }
  }
  for (auto &[name, parts] : plan) FLAME_TRY(check_parts(name, parts, models));
  return plan;
}

Status write_tensor(SafetensorsWriter &writer, const std::vector<Part> &parts, DType dtype,
                    const ParameterMaker &make) {
  for (const Part &part : parts) {
    FLAME_ASSIGN(const HostTensor parameter, make(part.model, *part.parameter, dtype));
    FLAME_TRY(writer.write(part.source.keeps_order() ? parameter.bytes
                                                     : rows_of(part.source, parameter).bytes));
  }
  return {};
}

}  // namespace

Status write_weights(const std::filesystem::path &path, std::span<const ModelToWrite> models,
                     DType dtype, const FileMetadata &metadata, const ParameterMaker &make,
                     const LoadProgress &progress) {
  FLAME_ASSIGN(const Plan plan, plan_of(models));
  std::vector<TensorToWrite> tensors;
  uint64_t total = 0, done = 0;
  for (const auto &[name, parts] : plan) {
    tensors.push_back({name, {dtype, parts.front().source.shape}});
    total += static_cast<uint64_t>(tensors.back().type.size_bytes());
  }
  FLAME_ASSIGN(SafetensorsWriter writer,
               SafetensorsWriter::create(path, std::move(tensors), metadata));
  for (const StoredTensor &tensor : writer.tensors()) {
    FLAME_TRY(write_tensor(writer, plan.at(tensor.name), dtype, make));
    done += tensor.size_bytes;
    if (progress) progress(done, total);
  }
  return writer.commit();
}

Result<size_t> find_layout(const PluginModel &model, std::string_view name) {
  std::vector<std::string> names;
  for (size_t i = 0; i < model.layouts().size(); ++i) {
    names.push_back(model.layouts()[i].name);
    if (names.back() == name) return i;
  }
  return config_error(
      fmt::format("the model '{}' has no layout '{}'", model.component(), printable(name)),
      did_you_mean(name, names).empty() ? "its layouts are " + join(names, ", ")
                                        : did_you_mean(name, names));
}

}  // namespace flame
