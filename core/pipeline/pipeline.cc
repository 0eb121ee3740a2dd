#include "core/pipeline/pipeline.h"

#include "core/base/file.h"
#include "core/io/yaml_reader.h"
#include "core/pipeline/check.h"
#include "core/pipeline/override.h"

namespace flame {
namespace {

namespace fs = std::filesystem;

std::vector<Ability> abilities_of(const YamlNode &root) {
  std::vector<Ability> abilities = {{"train", {}}, {"sample", {}}, {"export", {}}};
  const std::vector<std::vector<std::string_view>> needed = {
      {"model", "data", "adapter", "train"}, {"model", "sample"}, {"model", "adapter", "export"}};
  for (size_t i = 0; i < abilities.size(); ++i) {
    for (const std::string_view section : needed[i]) {
      if (!root.find(section)) abilities[i].missing.emplace_back(section);
    }
  }
  return abilities;
}

}  // namespace

const ResolvedSection *ResolvedSection::find_section(std::string_view key) const {
  for (const ResolvedSection &section : sections) {
    if (section.spec->key == key) return &section;
  }
  return nullptr;
}

CheckedPipeline check_pipeline(PipelineText text, const Catalogue &catalogue) {
  CheckedPipeline checked;
  checked.sources.emplace_back(text.file.string(), std::move(text.text), 0);
  for (const std::string &argument : text.overrides) {
    checked.sources.emplace_back("--set " + argument, argument, checked.sources.size());
  }
  YamlDocument document = read_yaml(checked.sources.front());
  for (YamlProblem &problem : document.problems) {
    add_error(checked.diagnostics, "syntax", problem.place, std::move(problem.what)).hint =
        std::move(problem.hint);
  }
  YamlNodePtr root = document.root;
  for (size_t i = 1; i < checked.sources.size(); ++i) {
    root = apply_override(root, checked.sources[i], checked.diagnostics);
  }
  Pipeline pipeline = check_tree(text.file, *root, catalogue, checked.diagnostics);
  tidy(checked.diagnostics);
  checked.abilities = abilities_of(*root);
  if (!has_errors(checked.diagnostics)) checked.pipeline = std::move(pipeline);
  return checked;
}

std::vector<std::string> texts_of(const std::vector<OptionValue> &options, std::string_view name) {
  std::vector<std::string> texts;
  for (const OptionValue &option : options) {
    if (option.name != name) continue;
    for (const Scalar &item : option.items) {
      if (const auto *text = std::get_if<std::string>(&item)) texts.push_back(*text);
    }
  }
  return texts;
}

Result<CheckedPipeline> check_pipeline_file(const fs::path &file,
                                            std::vector<std::string> overrides,
                                            const Catalogue &catalogue) {
  FLAME_ASSIGN(std::string text, read_file(file));
  return check_pipeline({file, std::move(text), std::move(overrides)}, catalogue);
}

}  // namespace flame
