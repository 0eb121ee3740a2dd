#include "plugins/exporters/shared/training_facts.h"

namespace exporters {
namespace {

using flame::text;

struct Names {
  std::string_view fact;
  std::string_view kohya;      // empty: none
  std::string_view modelspec;  // empty: none
};
constexpr Names kNames[] = {
    {"title", "ss_output_name", "modelspec.title"},
    {"author", "", "modelspec.author"},
    {"license", "", "modelspec.license"},
    {"description", "", "modelspec.description"},
    {"trigger", "", "modelspec.trigger_phrase"},
    {"tags", "", "modelspec.tags"},
    {"date", "", "modelspec.date"},
    {"prediction", "", "modelspec.prediction_type"},
    {"resolution", "ss_resolution", "modelspec.resolution"},
    {"base_model", "ss_sd_model_name", ""},
    {"base_model_sha256", "ss_new_sd_model_hash", ""},
    {"steps", "ss_steps", ""},
    {"max_steps", "ss_max_train_steps", ""},
    {"epochs", "ss_num_epochs", ""},
    {"epoch", "ss_epoch", ""},
    {"learning_rate", "ss_learning_rate", ""},
    {"unet_learning_rate", "ss_unet_lr", ""},
    {"text_encoder_learning_rate", "ss_text_encoder_lr", ""},
    {"optimizer", "ss_optimizer", ""},
    {"schedule", "ss_lr_scheduler", ""},
    {"warmup", "ss_lr_warmup_steps", ""},
    {"seed", "ss_seed", ""},
    {"batch", "ss_total_batch_size", ""},
    {"accumulate", "ss_gradient_accumulation_steps", ""},
    {"clip", "ss_max_grad_norm", ""},
    {"precision", "ss_mixed_precision", ""},
    {"images", "ss_num_train_images", ""},
    {"regularization_images", "ss_num_reg_images", ""},
    {"started_at", "ss_training_started_at", ""},
    {"finished_at", "ss_training_finished_at", ""},
    {"min_snr", "ss_min_snr_gamma", ""},
    {"noise_offset", "ss_noise_offset", ""},
    {"loss", "ss_loss_type", ""},
    {"caption_dropout", "ss_caption_dropout_rate", ""},
    {"clip_skip", "ss_clip_skip", ""},
    {"tag_frequency", "ss_tag_frequency", ""},
    {"buckets", "ss_bucket_info", ""},
    {"folders", "ss_dataset_dirs", ""},
};

// What programs know a base model by, from the fact "model": the component.
struct BaseModel {
  std::string_view component, version, architecture, implementation;
};
constexpr BaseModel kBaseModels[] = {
    {"sdxl", "sdxl_base_v1-0", "stable-diffusion-xl-v1-base/lora",
     "https://github.com/Stability-AI/generative-models"},
    {"flux", "flux1", "flux-1-dev/lora", "https://github.com/black-forest-labs/flux"},
};

bool starts_with(std::string_view name, std::string_view beginning) {
  return name.substr(0, beginning.size()) == beginning;
}

void add_fact(Metadata &metadata, std::string_view name, const std::string &value) {
  if (name == "model") {
    for (const BaseModel &base : kBaseModels) {
      if (base.component != value) continue;
      metadata["ss_base_model_version"] = base.version;
      metadata["ss_v2"] = "False";
      metadata["modelspec.architecture"] = base.architecture;
      metadata["modelspec.implementation"] = base.implementation;
      return;
    }
  }
  for (const Names &names : kNames) {
    if (names.fact != name) continue;
    if (!names.kohya.empty()) metadata[std::string(names.kohya)] = value;
    if (!names.modelspec.empty()) metadata[std::string(names.modelspec)] = value;
    return;
  }
  const bool known = starts_with(name, "ss_") || starts_with(name, "modelspec.");
  metadata[known ? std::string(name) : text("flamehost.", name)] = value;
}

std::string number_text(double number) {
  return text(number);
}

// One number for all layers, or "Dynamic", as kohya's tools have it.
template <typename Of>
void add_common(Metadata &metadata, const char *name, const std::vector<AdapterLayer> &layers,
                Of of) {
  std::string common;
  for (const AdapterLayer &layer : layers) {
    const std::string own = number_text(of(layer));
    if (!common.empty() && own != common) {
      metadata[name] = "Dynamic";
      return;
    }
    common = own;
  }
  metadata[name] = common;
}

}  // namespace

Metadata training_metadata(flame::Attributes facts, const std::vector<AdapterLayer> &layers) {
  Metadata metadata = {{"format", "pt"},
                       {"modelspec.sai_model_spec", "1.0.1"},
                       {"ss_network_module", "networks.lora"}};
  for (const flame_attribute &fact : facts) {
    const std::string_view name = flame::view(fact.name);
    if (fact.kind != FLAME_ATTRIBUTE_STRING)
      throw flame::unsupported("the fact '", name, "' is no text, but a text was expected");
    if (name == "rank_dropout") continue;  // below
    add_fact(metadata, name, std::string(flame::view(fact.value.s)));
  }
  std::vector<AdapterLayer> windows, others;
  for (const AdapterLayer &layer : layers) (layer.is_window ? windows : others).push_back(layer);
  const auto rank = [](const AdapterLayer &layer) { return static_cast<double>(layer.rank); };
  const auto alpha = [](const AdapterLayer &layer) { return layer.alpha; };
  const std::vector<AdapterLayer> &main = others.empty() ? windows : others;
  add_common(metadata, "ss_network_dim", main, rank);
  add_common(metadata, "ss_network_alpha", main, alpha);
  Metadata more;  // what kohya's program is given as --network_args
  if (!windows.empty()) {
    add_common(more, "conv_dim", windows, rank);
    add_common(more, "conv_alpha", windows, alpha);
  }
  if (const flame_attribute *dropout = facts.find("rank_dropout"))
    more["rank_dropout"] = flame::view(dropout->value.s);
  std::string arguments;
  for (const auto &[name, value] : more)
    arguments += text(arguments.empty() ? "" : ", ", '"', name, "\": \"", value, '"');
  if (!more.empty()) metadata["ss_network_args"] = text('{', arguments, '}');
  return metadata;
}

Metadata model_metadata(flame::Attributes facts) {
  Metadata metadata = training_metadata(facts, {});
  for (const char *name : {"ss_network_module", "ss_network_dim", "ss_network_alpha"})
    metadata.erase(name);
  const auto architecture = metadata.find("modelspec.architecture");
  if (architecture != metadata.end()) {
    architecture->second.erase(architecture->second.rfind('/'));  // "/lora"
  }
  return metadata;
}

void add_hashes(Metadata &metadata, const std::string &data_hash) {
  metadata["modelspec.hash_sha256"] = "0x" + data_hash;
  metadata["sshs_model_hash"] = data_hash;
}

}  // namespace exporters
