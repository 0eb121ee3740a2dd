// Pipeline files to start from: each is a choice of components, written out with every option of
// the tables.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/pipeline/components.h"

namespace flame {

// A value that a template gives: "model.weights" is "sd_xl_base_1.0.safetensors".
struct TemplateValue {
  std::string_view key;  // a path as --set takes it
  std::string_view value;
};

struct PipelineTemplate {
  std::string_view name;
  std::string_view summary;
  std::span<const TemplateValue> values;
};

std::span<const PipelineTemplate> pipeline_templates();

struct TemplateText {
  std::string text;
  std::vector<std::string>
      missing;  // "model 'sdxl'": not installed, so its section is commented out
};

// The commented file. It passes check_pipeline with these components; the options that the template
// does not set stand as comments with their defaults.
TemplateText write_template(const PipelineTemplate &chosen, const Components &components);

}  // namespace flame
