// `flamehost plugins validate FILE`: tries every rule of the contract on a plugin.
#include <fmt/core.h>
#include <unistd.h>

#include <charconv>

#include "core/base/file.h"
#include "core/base/terminal.h"
#include "core/cli/commands.h"
#include "core/cli/installed.h"
#include "core/plugin/validate/validate.h"
#include "flame/descriptor.h"

namespace flame::cli {
namespace {

using State = CheckReport::State;

// Between single quotes, as a shell takes it.
std::string shell_word(const std::string &text) {
  std::string word = "'";
  for (const char c : text) word += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return word + "'";
}

std::string_view mark_of(State state, bool colour) {
  switch (state) {
    case State::kPassed:
      return colour ? "\x1b[32mok  \x1b[0m" : "ok  ";
    case State::kFailed:
      return colour ? "\x1b[31mFAIL\x1b[0m" : "FAIL";
    case State::kSkipped:
      return colour ? "\x1b[2mskip\x1b[0m" : "skip";
  }
  return {};
}

void print_report(const CheckReport &report, const std::string &again, bool colour) {
  const std::string_view mark = mark_of(report.state, colour);
  if (report.state == State::kSkipped) {
    fmt::print("{}  {:<38} {}\n", mark, report.check->name, report.seen);
  } else {
    fmt::print("{}  {:<38} {} ms\n", mark, report.check->name, report.took.count());
  }
  if (report.state == State::kFailed) {
    fmt::print("      expected  {}\n      seen      {}\n      rule      {}\n      again     {}\n",
               report.expected, report.seen, report.check->rule, again);
  }
  fflush(stdout);
}

int print_list() {
  for (const Check *check : select_checks("")) {
    fmt::print("{:<38} {}\n", check->name, check->rule);
  }
  return 0;
}

Result<ValidateOptions> options_of(const Arguments &arguments) {
  ValidateOptions options;
  options.only = arguments.get("--only");
  options.full = arguments.has("--full");
  const Catalogue catalogue = installed_catalogue(arguments);
  const auto reference = catalogue.find(FLAME_KIND_BACKEND, "reference");
  if (reference.ok()) options.reference = *reference->plugin;
  for (const std::string &setting : arguments.all("--set")) {
    const size_t equals = setting.find('=');
    if (equals == std::string::npos || equals == 0) {
      return config_error(fmt::format("--set {}: expected NAME=VALUE", printable(setting)));
    }
    options.settings[setting.substr(0, equals)] = setting.substr(equals + 1);
  }
  if (!arguments.has("--time-limit")) return options;
  const std::string text = arguments.get("--time-limit");
  int seconds = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (read.ec != std::errc() || read.ptr != text.data() + text.size() || seconds < 1 ||
      seconds > 3600) {
    return config_error(
        fmt::format("--time-limit {}: expected whole seconds, 1 to 3600", printable(text)));
  }
  options.time_limit = std::chrono::seconds(seconds);
  return options;
}

int run(const Arguments &arguments) {
  if (arguments.has("--list")) return print_list();
  if (!arguments.has("FILE")) {
    return fail(config_error("which plugin? FILE is missing",
                             "give the path of a plugin's library or of its manifest"));
  }
  Result<ValidateOptions> options = options_of(arguments);
  if (!options.ok()) return fail(options.error());
  const std::string file = arguments.get("FILE");
  const bool json = arguments.has("--json");
  const bool colour = colour_allowed(STDOUT_FILENO);
  std::string again = "flamehost plugins validate " + shell_word(file);
  for (const std::string &setting : arguments.all("--set"))
    again += " --set " + shell_word(setting);
  options->on_report = [&](const CheckReport &report) {
    if (json) return;
    print_report(report, fmt::format("{} --only {}", again, report.check->name), colour);
  };

  const Result<std::vector<CheckReport>> reports = validate_plugin(file, *options);
  if (!reports.ok()) return fail(reports.error());
  if (arguments.has("--junit")) {
    const Status written =
        write_file_atomically(arguments.get("--junit"), to_junit(*reports, file));
    if (!written.ok()) return fail(written.error());
  }
  const size_t failed = count_of(*reports, State::kFailed);
  if (json) {
    fmt::print("{}\n", to_json(*reports, file).dump(2));
  } else {
    std::chrono::milliseconds took{0};
    for (const CheckReport &report : *reports) took += report.took;
    fmt::print("\n{} checks: {} passed, {} failed, {} skipped, in {:.1f} s\n", reports->size(),
               count_of(*reports, State::kPassed), failed, count_of(*reports, State::kSkipped),
               static_cast<double>(took.count()) / 1000);
  }
  return failed == 0 ? 0 : exit_code(ErrorKind::kBadPlugin);
}

constexpr CommandArgument kArguments[] = {{.name = "FILE",
                                           .kind = ValueKind::kFile,
                                           .required = false,
                                           .help = "a plugin's library or manifest"}};

constexpr CommandOption kOptions[] = {
    {.name = "--only",
     .value = "PATTERN",
     .help = "a check, a group of checks, or a pattern of them with * and ?"},
    {.name = "--set",
     .value = "NAME=VALUE",
     .repeated = true,
     .help = "a value for an option that has no default"},
    {.name = "--time-limit", .value = "SECONDS", .help = "of each check; 10 if not given"},
    {.name = "--full",
     .value = "",
     .help = "compare a backend with the reference in all cases, which takes minutes"},
    {.name = "--json", .value = "", .help = "print JSON"},
    {.name = "--junit",
     .value = "FILE",
     .kind = ValueKind::kFile,
     .help = "also write the results as JUnit XML"},
    {.name = "--list", .value = "", .help = "list the checks and their rules, and try none"},
};

}  // namespace

const Command kPluginsValidateCommand = {
    .group = "plugins",
    .name = "validate",
    .summary = "Try every rule of the plugin contract on a plugin",
    .arguments = kArguments,
    .options = kOptions,
    .run = run};

}  // namespace flame::cli
