// The program: turns the table of commands into a parser and runs the one that was asked for. The
// only file that sees CLI11's header.
#include <fmt/core.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <system_error>

#include "core/base/log.h"
#include "core/base/suggest.h"
#include "core/base/version.h"
#include "core/cli/command.h"

namespace flame::cli {
namespace {

// Groups hold commands and have no work of their own.
struct Group {
  std::string_view name;
  std::string_view summary;
};
constexpr Group kGroups[] = {{"plugins", "Look at, check and pin plugins"},
                             {"weights", "Look at, check, make and convert files of weights"}};

// A value that may come once, or again and again; `name` is "--json" or "FILE".
template <typename Entry>
CLI::Option *add_value(CLI::App &app, const Entry &entry, Arguments &arguments) {
  const std::string name(entry.name), help(entry.help);
  CLI::Option *option = nullptr;
  if (entry.repeated) {
    const auto add = [&arguments, name](const std::vector<std::string> &values) {
      for (const std::string &value : values) arguments.add(name, value);
    };
    option = app.add_option_function<std::vector<std::string>>(name, add, help);
  } else {
    const auto add = [&arguments, name](const std::string &value) { arguments.add(name, value); };
    option = app.add_option_function<std::string>(name, add, help);
  }
  if (!entry.choices.empty()) {
    option->check(
        CLI::IsMember(std::vector<std::string>(entry.choices.begin(), entry.choices.end())));
  }
  return option;
}

void add_option(CLI::App &app, const CommandOption &entry, Arguments &arguments) {
  const std::string name(entry.name);
  if (entry.value.empty()) {
    const auto add = [&arguments, name](int64_t) { arguments.add(name, "true"); };
    app.add_flag_function(name, add, std::string(entry.help));
    return;
  }
  CLI::Option *option = add_value(app, entry, arguments);
  option->type_name(std::string(entry.value))->type_size(1);
  if (entry.repeated) option->allow_extra_args(false);
}

void add_argument(CLI::App &app, const CommandArgument &entry, Arguments &arguments) {
  add_value(app, entry, arguments)->type_name("")->required(entry.required);
}

CLI::App *group_of(CLI::App &app, std::string_view name) {
  if (name.empty()) return &app;
  for (CLI::App *group : app.get_subcommands([](CLI::App *) { return true; })) {
    if (group->get_name() == name) return group;
  }
  const Group *group = std::find_if(std::begin(kGroups), std::end(kGroups),
                                    [&](const Group &entry) { return entry.name == name; });
  CLI::App *made = app.add_subcommand(std::string(name), std::string(group->summary));
  made->require_subcommand(1);
  return made;
}

// "unknown command 'validat'" with the nearest command of the same group; CLI11 itself only says
// that there is too much.
Error unknown_word(const CLI::App &app, const std::vector<std::string> &words) {
  const CLI::App *level = &app;
  for (const std::string &word : words) {
    if (word.starts_with("-")) break;
    std::vector<std::string> names;
    const CLI::App *next = nullptr;
    for (const CLI::App *sub : level->get_subcommands([](const CLI::App *) { return true; })) {
      names.push_back(sub->get_name());
      if (sub->get_name() == word) next = sub;
    }
    if (names.empty()) break;
    if (!next)
      return config_error(fmt::format("unknown command '{}'", word), did_you_mean(word, names));
    level = next;
  }
  return {};
}

// "flamehost plugins list"
std::string words_of(const CLI::App &app) {
  const CLI::App *parent = app.get_parent();
  return parent ? words_of(*parent) + " " + app.get_name() : app.get_name();
}

// The options of a command, nearest first, for a word that starts with '-' and is none of them.
std::string option_hint(const CLI::App &app, const std::vector<std::string> &words) {
  const CLI::App *level = &app;
  while (!level->get_subcommands().empty()) level = level->get_subcommands().front();
  std::vector<std::string> names;
  for (const CLI::Option *option : level->get_options()) {
    if (!option->get_positional()) names.push_back(option->get_name());
  }
  for (const std::string &word : words) {
    const std::string name = word.substr(0, word.find('='));
    if (!word.starts_with("--") || std::find(names.begin(), names.end(), name) != names.end())
      continue;
    const std::string hint = did_you_mean(name, names);
    if (!hint.empty()) return hint;
  }
  return fmt::format("see: {} --help", words_of(*level));
}

int report(const CLI::App &app, const CLI::ParseError &error,
           const std::vector<std::string> &words) {
  if (error.get_exit_code() == 0) return app.exit(error);  // --help, --version
  if (words.empty()) {
    fmt::print("{}", app.help());
    return exit_code(ErrorKind::kBadConfig);
  }
  const Error unknown = unknown_word(app, words);
  if (!unknown.what.empty()) return fail(unknown);
  return fail(config_error(error.what(), option_hint(app, words)));
}

void configure_log(const Arguments &arguments) {
  const std::string level = arguments.get("--log-level", "info");
  const auto place = std::find(std::begin(kLogLevels), std::end(kLogLevels), level);
  log::configure(static_cast<log::Level>(place - std::begin(kLogLevels)),
                 arguments.get("--log-format") == "json" ? log::Format::kJson : log::Format::kText);
}

// Runs it and makes sure that what it printed has arrived: a full disk is an error and not a short
// file.
int run_command(const Command &command, const Arguments &arguments) {
  const Error unwritten = storage_error("cannot write to standard output",
                                        "is the disk full, or the reader of the pipe gone?");
  int code = 0;
  try {
    code = command.run(arguments);
  } catch (const std::system_error &) {  // fmt::print's answer to a failed write
    return fail(unwritten);
  }
  return fflush(stdout) == 0 && !ferror(stdout) ? code : fail(unwritten);
}

int run(int count, char **values) {
  Arguments arguments;
  CLI::App app{"Trains LoRAs of SDXL and Flux, samples pictures and exports files for ComfyUI",
               "flamehost"};
  app.set_version_flag("--version", std::string("flamehost ") + std::string(kVersion));
  app.require_subcommand(1);
  app.option_defaults()->always_capture_default(false);
  const Command *chosen = nullptr;
  for (const Command *command : commands()) {
    CLI::App *sub = group_of(app, command->group)
                        ->add_subcommand(std::string(command->name), std::string(command->summary));
    for (const CommandArgument &entry : command->arguments) add_argument(*sub, entry, arguments);
    for (const CommandOption &entry : command->options) add_option(*sub, entry, arguments);
    for (const CommandOption &entry : common_options()) add_option(*sub, entry, arguments);
    sub->callback([&chosen, command] { chosen = command; });
  }
  const std::vector<std::string> words(values + 1, values + count);
  try {
    app.parse(count, values);
  } catch (const CLI::ParseError &error) {
    return report(app, error, words);
  }
  configure_log(arguments);
  return run_command(*chosen, arguments);
}

}  // namespace
}  // namespace flame::cli

namespace {

// What is not whole yet has no name, or is cleared away by whoever handles the signal instead: a command
// that has something to save sets a handler of its own.
void interrupted(int) {
  constexpr std::string_view kText = "\ninterrupted\n";
  [[maybe_unused]] const auto written = write(STDERR_FILENO, kText.data(), kText.size());
  _exit(flame::exit_code(flame::ErrorKind::kInterrupted));
}

}  // namespace

int main(int count, char **values) {
  // Whoever starts a program in the background may have it ignore the keyboard.
  if (std::signal(SIGINT, interrupted) == SIG_IGN) std::signal(SIGINT, SIG_IGN);
  // A file beyond the process's limit is then an error of its write, which is told and cleaned up.
  std::signal(SIGXFSZ, SIG_IGN);
  // OpenMP's threads wait by spinning, which costs others a multiple of what it saves this program
  // where the machine has more to do; a short spin is enough between two ops. Read when the first
  // plugin that uses OpenMP is loaded.
  if (!std::getenv("OMP_WAIT_POLICY")) setenv("GOMP_SPINCOUNT", "20000", 0);
  return flame::cli::run(count, values);
}
