// The pipeline file's own table: its sections, the options that the host gives them, and the
// components that are built in. The options of plugins come from their descriptors; both stand side
// by side in the file.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/plugin/descriptor.h"

namespace flame {

// A mapping of the pipeline file. The root is one too.
struct SectionSpec {
  std::string key;                    // "train"; empty for the root
  std::string kind;                   // of the component that `use:` names; empty: it has no `use:`
  std::string default_use;            // what is taken without `use:`; empty: it must be given
  bool required = false;              // in the mapping around it, if that is there
  bool list = false;                  // a list of such mappings
  ComponentSpec own;                  // the host's options; kind "section"
  std::vector<SectionSpec> sections;  // within it

  const SectionSpec *find_section(std::string_view name) const;
};

// Built once, never destroyed before the program ends. Every option in it passes check_component.
const SectionSpec &pipeline_sections();

// "train.optimizer": where a key stands, behind the path of the mapping that it is in; the root's is
// empty.
std::string child_path(std::string_view path, std::string_view key);

// Components without a plugin: the learning rate schedules, and the backend `auto`.
std::span<const ComponentSpec> built_in_components();

// What the keys of `plugins:` are; it maps plugin ids to libraries and has no options.
inline constexpr std::string_view kPinsKey = "plugins";
inline constexpr std::string_view kPinsHelp =
    "Which library to take for a plugin id that is installed more than once.";

// A run's name is a folder's name: why this text is none, or empty.
std::string run_name_problem(std::string_view name);
// The same rule for the schema.
inline constexpr std::string_view kRunNamePattern =
    "^(?![-. ])[^\\u0000-\\u001f!-,/:-@\\[-\\^`{-\\u007f]{1,100}$";

}  // namespace flame
