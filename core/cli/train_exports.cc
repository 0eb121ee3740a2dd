#include "core/cli/train_exports.h"

#include <fmt/core.h>

#include <algorithm>

#include "core/base/terminal.h"
#include "core/io/model_config.h"
#include "core/pipeline/section_values.h"
#include "core/train/merge_adapter.h"

namespace flame::cli {
namespace {

namespace fs = std::filesystem;

// Makes the exporter of a section for a file.
ExporterMaker maker_of(PluginHost &host, const ResolvedSection &section) {
  return [&host, &section](const fs::path &path) -> Result<PluginExporter> {
    std::vector<OptionValue> values = section.component_options;
    const auto is_path = [](const OptionValue &value) { return value.name == "path"; };
    std::erase_if(values, is_path);
    values.push_back({"path", false, {fs::absolute(path).string()}});
    FLAME_ASSIGN(const AttributeList options, model_options(*section.component.component, values));
    FLAME_ASSIGN(const StartedComponent started, host.start(section.component));
    return PluginExporter::create(started.table<flame_exporter_interface>(), started.plugin->id(),
                                  started.component->id, options);
  };
}

bool merges(const ResolvedSection &section) {
  return section.component.component->id == kMergeExporter;
}

// The file that holds the denoiser, and where the parts stand in it.
struct Checkpoint {
  std::vector<WeightMatch> matches;
  const WeightSet *weights = nullptr;

  MergeBase base() const { return {weights, matches}; }
};

Result<Checkpoint> checkpoint_of(const AdapterExport &request, const DrawingModels &models) {
  Checkpoint found;
  for (const ExportedPart &part : request.parts) {
    const auto model =
        std::ranges::find(models.models, part.model, [](const auto &each) { return each.get(); });
    found.matches.push_back(models.matches[static_cast<size_t>(model - models.models.begin())]);
    if (found.matches.back().set_name == found.matches.front().set_name) continue;
    return config_error(
        fmt::format("'{}' is read from {}, and the denoiser from {}: there is no "
                    "one checkpoint to merge into",
                    part.part, found.matches.back().set_name, found.matches.front().set_name),
        "make one checkpoint with 'flamehost weights convert', or export a LoRA file");
  }
  found.weights =
      &*std::ranges::find(models.sets, found.matches.front().set_name, &WeightSet::name);
  return found;
}

Result<ExportReport> merged(const AdapterExport &request, const DrawingModels &models,
                            const ExporterMaker &maker) {
  FLAME_ASSIGN(const Checkpoint checkpoint, checkpoint_of(request, models));
  return merge_adapter(request, checkpoint.base(), maker);
}

Status check_merged(const AdapterExport &request, const DrawingModels &models) {
  FLAME_ASSIGN(const Checkpoint checkpoint, checkpoint_of(request, models));
  return check_merge(request, checkpoint.base());
}

std::string number(double value) {
  return fmt::format("{}", value);
}

// `visit(section, request)` for each file of the pipeline.
template <typename Visit>
Status for_each_export(const Pipeline &pipeline, const DrawingModels &models,
                       const TrainParts &parts, const TensorMap &parameters,
                       const ExportFacts &facts, const Visit &visit) {
  for (const ResolvedSection &section : pipeline.root.sections) {
    if (section.spec->key != "export") continue;
    const SectionValues values(&section);
    AdapterExport request;
    request.model = models.models.front()->component();
    request.parts = exported_parts(models, parts, parameters);
    request.facts = facts;
    request.path =
        (pipeline.file.parent_path() / values.get<std::string>("path")).lexically_normal();
    request.overwrite = values.get<bool>("overwrite");
    FLAME_TRY(visit(section, request));
  }
  return {};
}

}  // namespace

ExportFacts facts_of(const Pipeline &pipeline) {
  const ResolvedSection &train_section = *pipeline.root.find_section("train");
  const ResolvedSection &optimizer = *train_section.find_section("optimizer");
  const ResolvedSection *schedule = train_section.find_section("schedule");
  const ResolvedSection *loss = train_section.find_section("loss");
  const SectionValues train(&train_section), noise(train_section.find_section("noise"));
  ExportFacts facts{{"title", pipeline.run}, {"version", FLAME_VERSION}};
  const auto add = [&](const char *name, std::string value) {
    facts.emplace_back(name, std::move(value));
  };
  add("seed", number(static_cast<double>(SectionValues(&pipeline.root).get<int64_t>("seed"))));
  add("max_steps", fmt::format("{}", train.get<int64_t>("steps")));
  add("batch", fmt::format("{}", train.get<int64_t>("batch", 1)));
  add("accumulate", fmt::format("{}", train.get<int64_t>("accumulate", 1)));
  add("clip", number(train.get<double>("clip", 1.0)));
  add("optimizer", optimizer.component.component->id);
  add("learning_rate", number(SectionValues(&optimizer).get<double>("lr")));
  add("unet_learning_rate", number(SectionValues(&optimizer).get<double>("lr")));
  add("schedule", schedule ? schedule->component.component->id : "constant");
  add("loss", SectionValues(loss).get<std::string>("kind", "square"));
  add("noise_offset", number(noise.get<double>("offset")));
  if (SectionValues(loss).get<std::string>("weighting") == "min_snr")
    add("min_snr", number(SectionValues(loss).get<double>("gamma", 5.0)));
  const ResolvedSection &adapter = *pipeline.root.find_section("adapter");
  const double *rank_dropout = value_of<double>(adapter.component_options, "rank_dropout");
  if (rank_dropout && *rank_dropout > 0) add("rank_dropout", number(*rank_dropout));
  add("caption_dropout",
      number(SectionValues(pipeline.root.find_section("data")).get<double>("caption_dropout")));
  add("precision", std::string(name_of(compute_type(pipeline.root.find_section("backend")))));
  return facts;
}

std::vector<ExportedPart> exported_parts(const DrawingModels &models, const TrainParts &parts,
                                         const TensorMap &parameters) {
  std::vector<ExportedPart> list;
  for (size_t p = 0; p < parts.parts.size(); ++p) {
    const std::string &role = parts.parts[p].role;
    ExportedPart part;
    part.part = role == kDenoiserRole ? models.paint.spec.denoiser : role;
    part.model = models.paint.denoiser.model;
    for (size_t i = 0; i < models.paint.parts.size(); ++i)
      if (models.paint.spec.parts[i].role == role) part.model = models.paint.parts[i].model;
    const std::string prefix = role + "/";
    for (const auto &[name, tensor] : parameters)
      if (name.starts_with(prefix)) part.tensors[name.substr(prefix.size())] = tensor;
    part.alphas = parts.alphas[p];
    part.own_weights = parts.own_weights;
    list.push_back(std::move(part));
  }
  return list;
}

Status check_exports(PluginHost &host, const Pipeline &pipeline, const DrawingModels &models,
                     const TrainParts &parts, const TensorMap &parameters) {
  return for_each_export(
      pipeline, models, parts, parameters, {},
      [&](const ResolvedSection &section, const AdapterExport &request) -> Status {
        if (merges(section)) return check_merged(request, models);
        return check_export(request, maker_of(host, section));
      });
}

Result<std::vector<WrittenExport>> write_exports(PluginHost &host, const Pipeline &pipeline,
                                                 const DrawingModels &models,
                                                 const TrainParts &parts,
                                                 const TensorMap &parameters, ExportFacts facts) {
  std::vector<WrittenExport> written;
  FLAME_TRY(for_each_export(
      pipeline, models, parts, parameters, facts,
      [&](const ResolvedSection &section, const AdapterExport &request) -> Status {
        const ExporterMaker maker = maker_of(host, section);
        FLAME_ASSIGN(const ExportReport report, merges(section) ? merged(request, models, maker)
                                                                : export_adapter(request, maker));
        fmt::print("{}  {}\n", printable(request.path.string()), report.text());
        written.push_back({request.path.string(), report.text()});
        return {};
      }));
  return written;
}

}  // namespace flame::cli
