// The commands of the program, as data: the parser, the help, the docs and the completion are made
// from these tables.
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/error.h"

namespace flame::cli {

// What a value names, so that the shell can complete it.
enum class ValueKind {
  kText,
  kFile,
  kFolder,
  kComponent,  // what `use:` may name, or a plugin id
  kSetting,    // a key of --set
  kTemplate,
};

struct CommandOption {
  std::string_view name;   // "--json"
  std::string_view value;  // "FILE", or empty for a switch
  ValueKind kind = ValueKind::kText;
  bool repeated = false;
  std::string_view help;
  std::span<const std::string_view> choices = {};  // empty: anything
};

struct CommandArgument {
  std::string_view name;  // "FILE"
  ValueKind kind = ValueKind::kText;
  bool required = true;
  bool repeated = false;
  std::string_view help;
  std::span<const std::string_view> choices = {};
};

// The values given for the options ("--json") and arguments ("FILE") of one command.
class Arguments {
 public:
  void add(std::string_view name, std::string value) {
    values_[std::string(name)].push_back(std::move(value));
  }
  bool has(std::string_view name) const { return values_.contains(std::string(name)); }
  // All values in the order given; empty if there are none.
  std::span<const std::string> all(std::string_view name) const;
  // The last value, or `otherwise`.
  std::string get(std::string_view name, std::string_view otherwise = {}) const;

 private:
  std::map<std::string, std::vector<std::string>> values_;
};

struct Command {
  std::string_view group;  // "plugins" for `flamehost plugins list`, else empty
  std::string_view name;
  std::string_view summary;  // one line
  std::span<const CommandArgument> arguments;
  std::span<const CommandOption> options;
  // Prints results to standard output and returns the exit code. May be called once in a process.
  int (*run)(const Arguments &arguments);
};

// In the order in which the help lists them.
std::span<const Command *const> commands();

inline constexpr std::string_view kLogLevels[] = {"debug", "info", "warning", "error", "off"};
inline constexpr std::string_view kLogFormats[] = {"text", "json"};

// Options that every command takes: --plugin-path, --log-level, --log-format.
std::span<const CommandOption> common_options();

// Prints the error to standard error, as text, and returns its exit code.
int fail(const Error &error);

}  // namespace flame::cli
