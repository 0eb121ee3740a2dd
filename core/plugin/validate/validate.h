// Tries every rule of the contract on one plugin, each in a process of its own.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/base/json.h"
#include "core/base/result.h"
#include "core/plugin/catalogue.h"
#include "core/plugin/validate/check.h"

namespace flame {

struct CheckReport {
  enum class State {
    kPassed,
    kFailed,
    kSkipped,
  };
  const Check *check = nullptr;
  State state = State::kPassed;
  std::string expected;  // of a failure
  std::string seen;      // of a failure; for a skip, the reason
  std::chrono::milliseconds took{0};
};

struct ValidateOptions {
  // A name ("skew.long-call"), a group ("skew"), or a pattern of either with * and ?; empty: all.
  std::string only;
  std::chrono::milliseconds time_limit{10000};  // of each check
  // Values for options of the plugin's components that have no default.
  std::map<std::string, std::string> settings;
  // The plugin of the backend 'reference', which answers are compared with.
  std::optional<InstalledPlugin> reference;
  bool full = false;  // also what takes minutes
  // Told of each report as soon as it is there.
  std::function<void(const CheckReport &)> on_report;
};

// Checks the library `file`, or the library that the manifest `file` names. Whatever the plugin
// does, the caller goes on. Errors: there is no such file; no check matches `only`.
Result<std::vector<CheckReport>> validate_plugin(const std::filesystem::path &file,
                                                 const ValidateOptions &options = {});

// The checks that a pattern names, in the order in which they run.
std::vector<const Check *> select_checks(std::string_view only);

std::string_view name_of(CheckReport::State state);
size_t count_of(const std::vector<CheckReport> &reports, CheckReport::State state);

Json to_json(const std::vector<CheckReport> &reports, const std::filesystem::path &file);
// The form that CI servers read: one suite a group.
std::string to_junit(const std::vector<CheckReport> &reports, const std::filesystem::path &file);

}  // namespace flame
