#include "core/pipeline/template.h"

#include <fmt/core.h>

#include <algorithm>
#include <map>

#include "core/base/text.h"
#include "core/pipeline/sections.h"
#include "core/plugin/option_value.h"
#include "core/plugin/quantity_text.h"

namespace flame {
namespace {

constexpr TemplateValue kSdxlLora[] = {
    {"flame", "1"},
    {"run", "my-lora"},
    {"seed", "42"},
    {"backend.use", "auto"},
    {"model.use", "sdxl"},
    {"model.weights", "sd_xl_base_1.0.safetensors"},
    {"data.use", "image-folder"},
    {"data.path", "pictures"},
    {"adapter.use", "lora"},
    {"train.steps", "1500"},
    {"train.optimizer.use", "adamw"},
    {"train.schedule.use", "cosine"},
    {"train.schedule.warmup", "100"},
    {"sample.every", "250"},
    {"sample.prompts", "a photo of sks dog"},
    {"export.use", "comfyui-lora"},
    {"export.path", "my-lora.safetensors"},
};

constexpr TemplateValue kFluxLora[] = {
    {"flame", "1"},
    {"run", "my-flux-lora"},
    {"seed", "42"},
    {"backend.use", "auto"},
    {"model.use", "flux"},
    {"model.weights", "flux1-dev.safetensors"},
    {"data.use", "image-folder"},
    {"data.path", "pictures"},
    {"adapter.use", "lora"},
    {"train.steps", "1500"},
    {"train.optimizer.use", "adamw"},
    {"train.schedule.use", "constant"},
    {"train.schedule.warmup", "100"},
    {"sample.every", "250"},
    {"sample.prompts", "a photo of sks dog"},
    {"export.use", "comfyui-lora"},
    {"export.path", "my-flux-lora.safetensors"},
};

constexpr TemplateValue kSdxlSample[] = {
    {"flame", "1"},
    {"run", "pictures"},
    {"backend.use", "auto"},
    {"model.use", "sdxl"},
    {"model.weights", "sd_xl_base_1.0.safetensors"},
    {"sample.prompts", "a photo of a dog"},
};

constexpr PipelineTemplate kTemplates[] = {
    {"sdxl-lora", "train a LoRA of SDXL and export it for ComfyUI", kSdxlLora},
    {"flux-lora", "train a LoRA of Flux and export it for ComfyUI", kFluxLora},
    {"sdxl-sample", "make pictures with SDXL", kSdxlSample},
};

// Text that YAML and our rules read back as it is.
std::string as_yaml(const OptionSpec &option, std::string_view text) {
  const bool is_text = option.type == OptionType::kString || option.type == OptionType::kPath ||
                       option.type == OptionType::kChoice;
  const bool plain =
      !text.empty() && text != "null" && text != "~" && text.front() != '-' &&
      std::all_of(text.begin(), text.end(),
                  [](char c) {
                    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                           (c >= '0' && c <= '9') ||
                           std::string_view(" ._-/+").find(c) != std::string_view::npos;
                  }) &&
      text.front() != ' ' && text.back() != ' ';
  if (plain || !is_text) return std::string(text);
  return "'" + replace_all(std::string(text), "'", "''") + "'";
}

std::string as_yaml_value(const OptionSpec &option, std::string_view text) {
  if (!option.list) return as_yaml(option, text);
  OptionSpec list = option;
  list.default_text = text;
  std::vector<std::string> items;
  for (const std::string_view item : default_items(list)) items.push_back(as_yaml(option, item));
  return "[" + join(items, ", ") + "]";
}

// A value of the right type for an option that must be given and that the template does not know.
std::string placeholder(const OptionSpec &option) {
  const double least = option.minimum.value_or(0) + (option.exclusive_minimum ? 1 : 0);
  const double value = option.maximum ? std::min(least, *option.maximum) : least;
  switch (option.type) {
    case OptionType::kInt:
      return fmt::format("{}", static_cast<int64_t>(value));
    case OptionType::kFloat:
      return fmt::format("{}", value);
    case OptionType::kBool:
      return "false";
    case OptionType::kString:
    case OptionType::kPath:
      return "change-me";
    case OptionType::kChoice:
      return option.choices.front();
    case OptionType::kSize:
      return size_text(static_cast<int64_t>(value));
    case OptionType::kDuration:
      return duration_text(value);
  }
  return {};
}

class TemplateWriter {
 public:
  TemplateWriter(const PipelineTemplate &chosen, const Components &components)
      : components_(components) {
    for (const TemplateValue &value : chosen.values) values_[std::string(value.key)] = value.value;
    result_.text = fmt::format(
        "# {}: {}.\n"
        "# Options that are commented out show their defaults. Relative paths start at this file.\n"
        "# Check it with: flamehost validate FILE\n"
        "# yaml-language-server: $schema=pipeline.schema.json\n"
        "# (made with: flamehost schema > pipeline.schema.json)\n\n",
        chosen.name, chosen.summary);
  }

  TemplateText write() {
    write_options(pipeline_sections().own, "", "");
    for (const SectionSpec &section : pipeline_sections().sections) {
      write_section(section, section.key, "");
    }
    return std::move(result_);
  }

 private:
  bool wanted(const std::string &path) const {
    const std::string prefix = path + ".";
    const auto at = values_.lower_bound(prefix);
    return at != values_.end() && at->first.starts_with(prefix);
  }

  std::string given(const std::string &path) const {
    const auto at = values_.find(path);
    return at == values_.end() ? std::string() : std::string(at->second);
  }

  // Notes what a section lacks to be used.
  std::vector<std::string> lacks(const SectionSpec &section, const std::string &path) const {
    std::vector<std::string> missing;
    const std::string use = given(path + ".use");
    if (!section.kind.empty() && !components_.find(section.kind, use).ok()) {
      missing.push_back(fmt::format("{} '{}'", section.kind, use));
    }
    for (const SectionSpec &inner : section.sections) {
      if (!inner.required) continue;
      const std::vector<std::string> more = lacks(inner, path + "." + inner.key);
      missing.insert(missing.end(), more.begin(), more.end());
    }
    return missing;
  }

  // A section that lacks something is commented out: without it the file is right, only less.
  void write_section(const SectionSpec &section, const std::string &path, std::string indent,
                     bool commented = false) {
    if (!wanted(path)) return;
    const std::vector<std::string> missing =
        commented ? std::vector<std::string>() : lacks(section, path);
    for (const std::string &what : missing) {
      result_.missing.push_back(what);
      line(indent, fmt::format("# The {} is not installed; this section waits for it.", what));
    }
    if (!missing.empty()) indent += "# ";
    commented = commented || !missing.empty();
    const std::string use = given(path + ".use");
    line(indent, fmt::format("{}:  # {}", section.key, section.own.summary));
    const std::string inner = indent + (section.list ? "    " : "  ");
    if (!section.kind.empty()) line(section.list ? indent + "  - " : inner, "use: " + use);
    write_options(section.own, path, inner);
    const auto match = components_.find(section.kind, use);
    if (match.ok()) write_options(*match->component, path, inner, &section.own);
    for (const SectionSpec &child : section.sections) {
      write_section(child, path + "." + child.key, inner, commented);
    }
    if (path.find('.') == std::string::npos) line("", "");
  }

  // Leaves out what stands there already, by `written`.
  void write_options(const ComponentSpec &component, const std::string &path,
                     const std::string &indent, const ComponentSpec *written = nullptr) {
    bool left_out = false;
    for (const OptionSpec &option : component.options) {
      if (!option.deprecated_by.empty()) continue;
      if (written && written->find_option(option.name)) continue;
      std::string value = given(child_path(path, option.name));
      if (value.empty() && option.required) value = placeholder(option);
      if (value.empty() && option.configuration) {
        left_out = true;
        continue;
      }
      const bool set = !value.empty();
      if (!set && option.default_text) value = *option.default_text;
      const bool shown = set || option.default_text;
      line(indent, fmt::format("{}{}:{}{}  # {} Expected: {}.", set ? "" : "# ", option.name,
                               shown ? " " : "", shown ? as_yaml_value(option, value) : "",
                               option.help, expectation(option)));
    }
    if (left_out) {
      line(
          indent,
          fmt::format(
              "# What its files say, such as config.json, may be given too: flamehost schema {}.{}",
              component.kind, component.id));
    }
    if (path.empty()) line("", "");
  }

  void line(std::string_view indent, std::string_view text) {
    std::string whole = fmt::format("{}{}", indent, text);
    while (whole.ends_with(' ')) whole.pop_back();
    result_.text += whole + "\n";
  }

  const Components &components_;
  std::map<std::string, std::string_view> values_;
  TemplateText result_;
};

}  // namespace

std::span<const PipelineTemplate> pipeline_templates() {
  return kTemplates;
}

TemplateText write_template(const PipelineTemplate &chosen, const Components &components) {
  return TemplateWriter(chosen, components).write();
}

}  // namespace flame
