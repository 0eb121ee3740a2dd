#include "core/cli/training_facts.h"

#include <fmt/core.h>

#include <algorithm>

#include "core/base/sha256.h"
#include "core/io/weight_fingerprint.h"

namespace flame::cli {
namespace {

// Pictures are drawn and files written beside the steps.
bool takes_part(const StartedPlugin &plugin) {
  return std::ranges::any_of(plugin.spec().components, [](const ComponentSpec &component) {
    return component.kind != FLAME_KIND_SAMPLER && component.kind != FLAME_KIND_EXPORTER;
  });
}

// In their order, which the batches follow. A caption stands for all that is made of it.
Result<std::string> hash_of_examples(const PluginDataSource &source, const TrainingSet &set) {
  std::string text;
  for (const auto *examples : {&set.learned, &set.held_out}) {
    for (const TrainingSet::Example &example : *examples) {
      FLAME_ASSIGN(const std::string identity, source.identity(example.source));
      FLAME_ASSIGN(const ExampleFields fields, source.fields(example.source, {}));
      const std::string_view caption = fields.text("caption");
      text +=
          fmt::format("{} {} {} {} {} {} {}:{}\n", identity, example.bucket, example.info.repeats,
                      example.info.loss_weight, example.info.picture_variants,
                      example.info.caption_variants, caption.size(), caption);
    }
    text += '\n';
  }
  return sha256(text);
}

}  // namespace

Result<Json> training_facts(const PluginHost &host, const DrawingModels &models,
                            const PluginDataSource &source, const TrainingSet &set,
                            const Device &device) {
  Json::Object facts;
  for (const StartedPlugin *plugin : host.started())
    if (takes_part(*plugin)) facts.emplace_back("plugin " + plugin->id(), plugin->sha256());
  for (size_t i = 0; i < models.matches.size(); ++i) {
    FLAME_ASSIGN(std::string print, weight_fingerprint(models.matches[i]));
    facts.emplace_back(fmt::format("weights of {}", models.models[i]->component()),
                       std::move(print));
  }
  FLAME_ASSIGN(std::string examples, hash_of_examples(source, set));
  facts.emplace_back("examples", std::move(examples));
  facts.emplace_back("device",
                     fmt::format("{}: {}", device.info().name, device.info().description));
  return Json(std::move(facts));
}

}  // namespace flame::cli
