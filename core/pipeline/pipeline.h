// A pipeline file that was checked: every `use:` resolved, every option a value of its type.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/pipeline/diagnostic.h"
#include "core/pipeline/sections.h"
#include "core/plugin/catalogue.h"
#include "core/plugin/option_value.h"

namespace flame {

// One mapping of the file. Options that are neither given nor have a default are not in the lists.
struct ResolvedSection {
  const SectionSpec *spec = nullptr;  // lives as long as the program
  std::string path;                   // "train.optimizer", "export.0"; empty for the root
  TextPlace place;                    // of its key
  std::vector<OptionValue> options;   // the host's
  std::string use;                    // as it was written; empty where the section has none
  // Both null where the section has no `use:`; the plugin is null for a built-in component.
  Catalogue::Match component{nullptr, nullptr};
  std::vector<OptionValue> component_options;
  std::vector<ResolvedSection> sections;  // a list gives one for each item

  // Null if it is not in the file. "train", then "optimizer".
  const ResolvedSection *find_section(std::string_view key) const;
};

// The one scalar of the option, or null if it is unset, a list or of another type.
template <typename T>
const T *value_of(const std::vector<OptionValue> &options, std::string_view name) {
  for (const OptionValue &option : options) {
    if (option.name == name && !option.list && option.items.size() == 1) {
      return std::get_if<T>(&option.items.front());
    }
  }
  return nullptr;
}

// The items of a list of texts; none if it is unset or of another type.
std::vector<std::string> texts_of(const std::vector<OptionValue> &options, std::string_view name);

struct Pipeline {
  std::filesystem::path file;  // absolute; relative paths in the file start at its folder
  std::string run;             // the run's name
  // Holds the plugins that `root` points to; without those that a pin left out.
  std::shared_ptr<const Catalogue> catalogue;
  ResolvedSection root;
};

// What the file is enough for.
struct Ability {
  std::string verb;                  // "train", "sample", "export"
  std::vector<std::string> missing;  // the sections that it still needs; empty: it can be done
};

struct PipelineText {
  std::filesystem::path file;  // also its name in messages, as it is given here
  std::string text;
  std::vector<std::string> overrides;  // "train.steps=10", in their order
};

struct CheckedPipeline {
  std::vector<SourceText> sources;  // the file, then the overrides
  std::vector<Diagnostic> diagnostics;
  std::vector<Ability> abilities;    // by the sections that are there, right or wrong
  std::optional<Pipeline> pipeline;  // if there are no errors
};

// Finds everything that is wrong, in one pass. Opens no file, no library and no device.
CheckedPipeline check_pipeline(PipelineText text, const Catalogue &catalogue);

// Reads the file and checks it. The error is that of reading (kStorage).
Result<CheckedPipeline> check_pipeline_file(const std::filesystem::path &file,
                                            std::vector<std::string> overrides,
                                            const Catalogue &catalogue);

}  // namespace flame
