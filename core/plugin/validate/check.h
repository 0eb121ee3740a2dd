// A conformance check: one rule of the contract, tried on one plugin in a process of its own.
#pragma once

#include <chrono>
#include <span>
#include <string>
#include <string_view>

#include "core/base/result.h"

namespace flame {

class Subject;

// A check that came to its end: it passed, or it had nothing to try, for the reason `skipped`.
struct Done {
  std::string skipped;
};

inline Done passed() {
  return {};
}
inline Done skipped(std::string reason) {
  return {std::move(reason)};
}

// A broken rule. It travels as an Error, so that FLAME_TRY ends the check; `what` is what was seen
// and `hint` what was expected.
inline Error broken(std::string expected, std::string seen) {
  return plugin_error(std::move(seen), std::move(expected));
}

// How much of the plugin must work before a check makes sense. The checks that must have passed for
// each stage stand in validate.cc.
enum class Stage {
  kFile,     // nothing: the file is only read
  kOpened,   // the library can be loaded
  kEntered,  // its entry returns a table
  kStarted,  // the table is sound and start() succeeds
};

struct Check {
  std::string_view name;  // "lifecycle.start-counts": group, dot, what holds
  std::string_view rule;  // where the contract says so, and what: "flame/entry.h: …"
  Stage stage = Stage::kStarted;
  // Called in a child that is used for nothing else, so it may leave the process in any state.
  Result<Done> (*run)(Subject &subject);
  std::chrono::milliseconds least_time{0};  // a limit below this is raised to it
};

// One list a group, in the order in which they run. A new group is added in checks.cc and nowhere
// else.
std::span<const Check> binary_checks();
std::span<const Check> manifest_checks();
std::span<const Check> lifecycle_checks();
std::span<const Check> descriptor_checks();
std::span<const Check> skew_checks();
std::span<const Check> error_checks();
std::span<const Check> thread_checks();
std::span<const Check> process_checks();
std::span<const Check> backend_checks();
std::span<const Check> backend_op_checks();
std::span<const Check> conformance_checks();
std::span<const Check> program_checks();
std::span<const Check> build_checks();
std::span<const Check> data_checks();
std::span<const Check> exporter_checks();

std::span<const std::span<const Check>> check_groups();

}  // namespace flame
