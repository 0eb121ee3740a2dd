// The options of one mapping of a pipeline file: each is checked beside its description, and those
// that are left out get their defaults.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "core/io/yaml_node.h"
#include "core/pipeline/diagnostic.h"
#include "core/pipeline/pipeline.h"

namespace flame {

// What an option takes, as messages say it; a list's items too.
std::string list_expectation(const OptionSpec &option);

class OptionChecker {
 public:
  // Paths are relative to `folder`, the one of the file. Appends to `diagnostics`, which outlives it.
  OptionChecker(std::filesystem::path folder, std::vector<Diagnostic> &diagnostics);

  // Appends the value of `member`, an option of the mapping `path`; what is wrong with it is left
  // out and reported.
  void check(const OptionSpec &option, std::string_view path, const YamlMember &member,
             std::vector<OptionValue> &values);

  // Puts the values into the component's order, with its defaults where none is given.
  void add_defaults(const ComponentSpec &component, std::vector<OptionValue> &values) const;

 private:
  void check_scalar(const OptionSpec &option, std::string_view path, const YamlNode &node,
                    OptionValue &value);
  void refuse(const OptionSpec &option, std::string_view path, const YamlNode &node,
              std::string_view what);
  std::string absolute_path(std::string_view text) const;

  std::filesystem::path folder_;
  std::vector<Diagnostic> &diagnostics_;
};

}  // namespace flame
