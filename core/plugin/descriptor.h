// What a plugin says of itself: its components and their options. The one table from which the
// checks of the pipeline, the schema, the help, the docs and the completion are made.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/json.h"
#include "core/base/result.h"
#include "flame/entry.h"

namespace flame {

enum class OptionType {
  kInt,       // 64 bits
  kFloat,     // a finite double
  kBool,      // true or false
  kString,    // UTF-8 without NUL
  kPath,      // a string; relative ones start at the pipeline file
  kChoice,    // one of `choices`
  kSize,      // bytes, with units: 22GiB
  kDuration,  // seconds, with units: 90s, 5min
};

// The word for a type in manifests, help and messages: "int", "float", …
std::string_view name_of(OptionType type);
// The type of that name, or none.
std::optional<OptionType> option_type_named(std::string_view name);

struct OptionSpec {
  std::string name;
  OptionType type = OptionType::kString;
  bool list = false;           // a sequence of that type; one scalar is taken as a sequence of one
  bool required = false;       // then there is no default
  bool configuration = false;  // files that come with a model say it; people need not
  std::string unit;
  std::string help;           // one sentence
  std::string since;          // the plugin's version that brought it
  std::string deprecated_by;  // the option to use instead, or empty
  // As it would stand in the pipeline; for a list its items, separated by ", ". Absent: the option
  // may stay unset.
  std::optional<std::string> default_text;
  std::optional<double> minimum;
  std::optional<double> maximum;
  bool exclusive_minimum = false;
  std::vector<std::string> choices;
  std::vector<std::string>
      aliases;  // what others call it; never accepted, only used to say the right name
};

// One thing that `use:` can name.
struct ComponentSpec {
  std::string kind;  // "backend", "model", "adapter", "optimizer", "sampler", "data", "exporter", …
  std::string id;
  std::string summary;
  std::vector<OptionSpec> options;

  const OptionSpec *find_option(std::string_view name) const;
};

struct PluginSpec {
  std::string id;  // "org.flamehost.adamw"
  std::string version;
  std::string vendor;
  std::string license;  // an SPDX expression
  std::string summary;
  std::vector<std::string>
      requirements;  // shared libraries that must be there, such as libcuda.so.1
  std::vector<ComponentSpec> components;
};

// Reads the plugin's C table: null pointers, sizes and counts are checked before they are followed,
// text is copied. Everything that breaks a rule of flame/descriptor.h is an error that names it. A
// pointer that leads nowhere cannot be seen here: an unknown library is read in a child first.
Result<PluginSpec> read_descriptor(const flame_plugin &plugin);

// The rules themselves, for a spec that came from a manifest or from code of ours: identifiers,
// types, ranges, defaults that parse, duplicates. The first broken rule is the error.
Status check_descriptor(const PluginSpec &spec);
Status check_component(const ComponentSpec &spec);

Json to_json(const PluginSpec &spec);
// `place` names the value in errors ("x.flame.json: plugin"). Unknown members are errors, unless
// the value was written for a newer minor version of the contract, which may have brought them.
enum class UnknownMembers {
  kRefuse,
  kIgnore,
};
Result<PluginSpec> plugin_spec_from_json(const Json &value, std::string_view place,
                                         UnknownMembers unknown = UnknownMembers::kRefuse);

}  // namespace flame
