#include "core/cli/train_parts.h"

#include <fmt/core.h>

#include <algorithm>
#include <cstdlib>

#include "core/base/suggest.h"
#include "core/base/terminal.h"
#include "core/io/model_config.h"
#include "core/passes/layer_presets.h"
#include "core/pipeline/section_values.h"
#include "core/plugin/plugin_adapter.h"
#include "core/sample/text_form.h"

namespace flame::cli {
namespace {

class Opener {
 public:
  Opener(PluginHost &host, const Pipeline &pipeline, const PaintModels &models)
      : host_(host),
        pipeline_(pipeline),
        models_(models),
        adapter_(*pipeline.root.find_section("adapter")),
        optimizer_(*pipeline.root.find_section("train")->find_section("optimizer")) {}

  Result<std::unique_ptr<TrainParts>> open() {
    made_->own_weights = !adapter_.component.plugin;  // `full` is the one without a plugin
    FLAME_TRY(open_optimizer());
    FLAME_ASSIGN(const Program denoiser, usual_denoiser());
    FLAME_TRY(add(std::string(kDenoiserRole), SectionValues(&adapter_), denoiser));
    FLAME_ASSIGN(const TextForm form, text_form(models_));
    for (const ResolvedSection &part : adapter_.sections) {
      if (part.spec->key == "parts") FLAME_TRY(add_encoder(part, form));
    }
    for (const DiffusionPart &part : models_.spec.parts) {
      const bool learns =
          std::ranges::find(made_->parts, part.role, &TrainedPart::role) != made_->parts.end();
      if (part.kind == DiffusionPart::Kind::kTextEncoder && !learns)
        made_->cached_roles.push_back(part.role);
    }
    return std::move(made_);
  }

 private:
  Status open_optimizer() {
    const Catalogue::Match &match = optimizer_.component;
    FLAME_ASSIGN(const AttributeList options,
                 model_options(*match.component, optimizer_.component_options));
    FLAME_ASSIGN(const StartedComponent started, host_.start(match));
    FLAME_ASSIGN(PluginOptimizer optimizer,
                 PluginOptimizer::create(started.table<flame_optimizer_interface>(),
                                         started.plugin->id(), started.component->id, options));
    made_->optimizer = std::make_unique<PluginOptimizer>(std::move(optimizer));
    return {};
  }

  // Layers do not depend on sizes.
  Result<Program> usual_denoiser() const {
    FLAME_ASSIGN(const TextForm form, text_form(models_));
    const int64_t side = models_.spec.usual_size / models_.spec.latent_size;
    return models_.denoiser.model->build(
        models_.spec.denoiser,
        {{"batch", 1}, {"height", side}, {"width", side}, {"tokens", form.tokens}});
  }

  // As the adapter will have them: what the last choice that means a layer says, else its own option.
  std::map<std::string, double> alphas_of(const std::vector<std::string> &choices,
                                          const Program &program) const {
    std::map<std::string, double> alphas;
    const double *usual = value_of<double>(adapter_.component_options, "alpha");
    for (const std::string &layer : adaptable_layers(program)) {
      if (usual) alphas[layer] = *usual;
      for (const std::string &text : choices) {
        const Result<LayerChoice> choice = parse_layer_choice(text);
        if (!choice.ok() || !matches_layer(choice->pattern, layer)) continue;
        if (usual) alphas[layer] = *usual;
        for (const auto &[name, value] : choice->options)
          if (name == "alpha") alphas[layer] = std::strtod(value.c_str(), nullptr);
      }
    }
    return alphas;
  }

  Result<AdaptRequest> request_for(const std::vector<std::string> &layers) {
    if (made_->own_weights) return own_weights_request(layers);
    FLAME_ASSIGN(const StartedComponent started, host_.start(adapter_.component));
    return adapt_request(started, adapter_.component_options, layers);
  }

  Status add(const std::string &role, const SectionValues &section, const Program &program) {
    const Learns learns = made_->own_weights ? Learns::kOwnWeights : Learns::kAdapters;
    const std::vector<std::string> layers = named_layers(section.texts("layers"), program, learns);
    FLAME_ASSIGN(AdaptRequest request, request_for(layers));
    FLAME_TRY(check_patterns(program, request));
    made_->alphas.push_back(alphas_of(layers, program));
    made_->parts.push_back({role, std::move(request), made_->optimizer.get()});
    made_->learning_rates.push_back(
        section.get<double>("lr", SectionValues(&optimizer_).get<double>("lr")));
    return {};
  }

  Status add_encoder(const ResolvedSection &section, const TextForm &form) {
    const SectionValues values(&section);
    const auto role = values.get<std::string>("role");
    std::vector<std::string> roles;
    for (size_t i = 0; i < models_.parts.size(); ++i) {
      const DiffusionPart &part = models_.spec.parts[i];
      if (part.kind != DiffusionPart::Kind::kTextEncoder) continue;
      roles.push_back(part.role);
      if (part.role != role) continue;
      if (std::ranges::find(made_->parts, role, &TrainedPart::role) != made_->parts.end())
        return config_error(fmt::format("adapter.parts names '{}' twice", role));
      made_->encoders.push_back({role, models_.parts[i].model});
      FLAME_ASSIGN(const Program encoder, encoder_program(models_.parts[i], form, 1));
      return add(role, values, encoder);
    }
    return config_error(
        fmt::format("adapter.parts names '{}', but the model has no such encoder", printable(role)),
        did_you_mean(role, roles));
  }

  PluginHost &host_;
  const Pipeline &pipeline_;
  const PaintModels &models_;
  const ResolvedSection &adapter_;
  const ResolvedSection &optimizer_;
  std::unique_ptr<TrainParts> made_ = std::make_unique<TrainParts>();
};

}  // namespace

Result<std::unique_ptr<TrainParts>> open_train_parts(PluginHost &host, const Pipeline &pipeline,
                                                     const PaintModels &models) {
  return Opener(host, pipeline, models).open();
}

}  // namespace flame::cli
