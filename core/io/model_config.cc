#include "core/io/model_config.h"

#include <fmt/core.h>

#include <algorithm>

#include "core/base/file.h"
#include "core/base/suggest.h"
#include "core/base/terminal.h"
#include "core/base/text.h"

namespace flame {
namespace {

constexpr size_t kMaxConfigBytes = size_t{1} << 20;

// What frameworks write beside the architecture. A component that has an option of that name gets
// it all the same.
constexpr std::string_view kFrameworkKeys[] = {
    "architectures",
    "model_type",
    "torch_dtype",
    "dtype",
    "gradient_checkpointing",
    "use_cache",
    "sample_size",
    "force_upcast",
    "bos_token_id",
    "pad_token_id",
    "decoder_start_token_id",
    "output_past",
    "n_positions",
    "task_specific_params",
    "is_encoder_decoder",
    "num_decoder_layers",
    "dropout_rate",
    "classifier_dropout",
    "tie_word_embeddings",
    "problem_type",
    "auto_map",
    "quantization_config",
};
constexpr std::string_view kFrameworkBeginnings[] = {"_", "initializer_", "transformers_",
                                                     "diffusers_"};

bool is_framework_key(std::string_view key) {
  if (std::ranges::find(kFrameworkKeys, key) != std::end(kFrameworkKeys)) return true;
  return std::ranges::any_of(kFrameworkBeginnings,
                             [&](std::string_view begin) { return key.starts_with(begin); });
}

bool is_unused(const Json &value) {
  if (value.is_null()) return true;
  if (const bool *truth = value.as_bool()) return !*truth;
  if (value.is_number()) return value.as_number() == 0;
  if (const std::string *text = value.as_string()) return text->empty();
  if (const Json::Array *items = value.as_array()) return items->empty();
  return value.as_object()->empty();
}

// The scalar by the rules that hold for options in files.
Result<Scalar> scalar_of(const OptionSpec &option, const Json &value) {
  if (const std::string *text = value.as_string()) return parse_scalar(option, *text, true);
  if (const bool *truth = value.as_bool())
    return parse_scalar(option, *truth ? "true" : "false", false);
  if (const int64_t *number = value.as_int())
    return parse_scalar(option, std::to_string(*number), false);
  if (value.is_number()) return parse_scalar(option, value.dump(), false);
  return config_error("expected " + expectation(option));
}

Result<OptionValue> option_of(const OptionSpec &option, const Json &value) {
  OptionValue made{option.name, option.list, {}};
  const Json::Array *items = option.list ? value.as_array() : nullptr;
  const Json::Array one = {value};
  for (const Json &item : items ? *items : one) {
    FLAME_ASSIGN(Scalar scalar, scalar_of(option, item));
    made.items.push_back(std::move(scalar));
  }
  return made;
}

std::vector<std::string> option_names(const ComponentSpec &component) {
  std::vector<std::string> names;
  for (const OptionSpec &option : component.options) names.push_back(option.name);
  return names;
}

}  // namespace

Result<std::vector<OptionValue>> read_model_config(const Json &config,
                                                   const ComponentSpec &component,
                                                   std::string_view name) {
  const Json::Object *members = config.as_object();
  if (!members)
    return config_error(fmt::format("{}: a model's configuration is a JSON object", name));
  std::vector<OptionValue> values;
  std::vector<std::string> problems;
  for (const auto &[key, value] : *members) {
    const OptionSpec *option = component.find_option(key);
    if (!option) {
      if (is_framework_key(key) || is_unused(value)) continue;
      const std::string nearest = did_you_mean(key, option_names(component));
      problems.push_back(fmt::format("the model '{}' does not know '{}' ({}){}", component.id,
                                     printable(key), printable(value.dump()),
                                     nearest.empty() ? "" : ": " + nearest));
      continue;
    }
    if (value.is_null()) continue;
    Result<OptionValue> read = option_of(*option, value);
    if (read.ok()) {
      values.push_back(std::move(*read));
    } else {
      problems.push_back(fmt::format("{}: {}", key, read.error().what));
    }
  }
  if (problems.empty()) return values;
  return config_error(fmt::format("{}: {}", name, join(problems, "\n  ")),
                      "this may be another model's configuration; 'flamehost plugins inspect " +
                          component.id + "' lists what this one takes");
}

Result<AttributeList> model_options(const ComponentSpec &component,
                                    const std::vector<OptionValue> &given) {
  AttributeList list;
  for (const OptionSpec &option : component.options) {
    const auto value = std::ranges::find(given, option.name, &OptionValue::name);
    if (value != given.end()) {
      list.add(option, *value);
    } else if (option.default_text) {
      list.add(option, default_value(option));
    } else if (option.required) {
      return config_error(
          fmt::format("the model '{}' needs the option '{}'", component.id, option.name),
          "give a configuration that has it");
    }
  }
  return list;
}

Result<Json> read_config_file(const std::filesystem::path &file) {
  FLAME_ASSIGN(const std::string text, read_file(file, kMaxConfigBytes));
  return parse_json(text, printable(file.string()), {.max_bytes = kMaxConfigBytes});
}

std::optional<std::filesystem::path> config_beside(const std::filesystem::path &weights) {
  std::error_code ignored;
  const bool is_folder = std::filesystem::is_directory(weights, ignored);
  const std::filesystem::path file = (is_folder ? weights : weights.parent_path()) / "config.json";
  if (!std::filesystem::is_regular_file(file, ignored)) return std::nullopt;
  return file;
}

}  // namespace flame
