// `flamehost completion SHELL`: the shell's completion, made from the table of commands. Words that
// depend on what is installed are asked for when the user presses the key, with `flamehost
// completion --words`.
#include <fmt/core.h>

#include <algorithm>
#include <string>

#include "core/base/text.h"
#include "core/cli/command.h"
#include "core/cli/commands.h"
#include "core/cli/completion_words.h"

namespace flame::cli {
namespace {

// What the shell offers for a value: a shell function of the script's own ("files", "folders"), or
// fixed words.
std::string source_of(ValueKind kind, std::span<const std::string_view> choices) {
  if (!choices.empty()) return fmt::format("words {}", join(choices, " "));
  switch (kind) {
    case ValueKind::kFile:
      return "files";
    case ValueKind::kFolder:
      return "folders";
    case ValueKind::kComponent:
      return "ask components";
    case ValueKind::kTemplate:
      return "ask templates";
    case ValueKind::kSetting:
      return "ask settings";
    case ValueKind::kText:
      return "nothing";
  }
  return "nothing";
}

std::string key_of(const Command &command) {
  return command.group.empty() ? std::string(command.name)
                               : fmt::format("{} {}", command.group, command.name);
}

template <typename Visit>
void for_each_option(const Command &command, Visit visit) {
  for (const CommandOption &option : command.options) visit(option);
  for (const CommandOption &option : common_options()) visit(option);
}

// The words that may follow `flamehost` (group empty) or `flamehost GROUP`.
std::vector<std::string> first_words(std::string_view group) {
  std::vector<std::string> words;
  for (const Command *command : commands()) {
    const std::string_view word =
        group.empty() && !command->group.empty() ? command->group : command->name;
    if (command->group != group && !group.empty()) continue;
    if (std::find(words.begin(), words.end(), word) == words.end()) words.emplace_back(word);
  }
  return words;
}

std::vector<std::string> groups() {
  std::vector<std::string> names;
  for (const Command *command : commands()) {
    if (command->group.empty()) continue;
    if (std::find(names.begin(), names.end(), command->group) == names.end()) {
      names.emplace_back(command->group);
    }
  }
  return names;
}

// Branches of a shell's case: what follows an option, which options a command has, and what its
// arguments are.
struct Branches {
  std::string values;
  std::string options;
  std::string arguments;
};

Branches branches() {
  Branches text;
  for (const Command *command : commands()) {
    const std::string key = key_of(*command);
    std::string names;
    for_each_option(*command, [&](const CommandOption &option) {
      names += fmt::format(" {}", option.name);
      if (option.value.empty()) return;
      text.values += fmt::format("    '{}:{}') {}; return ;;\n", key, option.name,
                                 source_of(option.kind, option.choices));
    });
    text.options += fmt::format("    '{}:-'*) words{} ;;\n", key, names);
    if (command->arguments.empty()) continue;
    const CommandArgument &argument = command->arguments.front();
    text.arguments +=
        fmt::format("    '{}:'*) {} ;;\n", key, source_of(argument.kind, argument.choices));
  }
  return text;
}

constexpr std::string_view kBash =
    R"bash(# flamehost completion for bash: eval "$(flamehost completion bash)"
_flamehost() {
  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} command= word i
  COMPREPLY=()
  words() { COMPREPLY=($(compgen -W "$*" -- "$cur")); }
  files() { COMPREPLY=($(compgen -f -- "$cur")); }
  folders() { COMPREPLY=($(compgen -d -- "$cur")); }
  ask() { words $(flamehost completion --words "$1" 2>/dev/null); }
  nothing() { :; }
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=${COMP_WORDS[i]}
    case "$command $word" in
@COMMANDS@    esac
  done
  case "$command:$prev" in
    ':'*) words @FIRST@; return ;;
@GROUPS@@VALUES@  esac
  case "$command:$cur" in
@OPTIONS@@ARGUMENTS@  esac
}
complete -o filenames -F _flamehost flamehost
)bash";

constexpr std::string_view kZsh = R"zsh(#compdef flamehost
# flamehost completion for zsh: eval "$(flamehost completion zsh)"
autoload -U +X bashcompinit && bashcompinit
)zsh";

std::string bash_script() {
  std::string command_cases, group_cases;
  for (const std::string &group : groups()) {
    command_cases += fmt::format("      ' {}') command='{}' ;;\n", group, group);
    group_cases +=
        fmt::format("    '{}:'*) words {}; return ;;\n", group, join(first_words(group), " "));
  }
  for (const Command *command : commands()) {
    command_cases += fmt::format("      '{} {}') command='{}' ;;\n", command->group, command->name,
                                 key_of(*command));
  }
  const Branches cases = branches();
  std::string text(kBash);
  text = replace_all(text, "@COMMANDS@", command_cases);
  text = replace_all(text, "@GROUPS@", group_cases);
  text = replace_all(text, "@FIRST@", join(first_words(""), " "));
  text = replace_all(text, "@VALUES@", cases.values);
  text = replace_all(text, "@OPTIONS@", cases.options);
  return replace_all(text, "@ARGUMENTS@", cases.arguments);
}

std::string fish_quoted(std::string_view text) {
  return "'" + replace_all(std::string(text), "'", "\\'") + "'";
}

std::string fish_values(ValueKind kind, std::span<const std::string_view> choices) {
  if (!choices.empty()) return fmt::format(" -xa '{}'", join(choices, " "));
  switch (kind) {
    case ValueKind::kFile:
      return " -rF";
    case ValueKind::kFolder:
      return " -xa '(__fish_complete_directories)'";
    case ValueKind::kComponent:
      return " -xa '(flamehost completion --words components)'";
    case ValueKind::kTemplate:
      return " -xa '(flamehost completion --words templates)'";
    case ValueKind::kSetting:
      return " -xa '(flamehost completion --words settings)'";
    case ValueKind::kText:
      return " -x";
  }
  return {};
}

std::string fish_script() {
  std::string text =
      "# flamehost completion for fish: flamehost completion fish | source\n"
      "complete -c flamehost -f\n";
  for (const std::string &group : groups()) {
    text += fmt::format("complete -c flamehost -n __fish_use_subcommand -a {}\n", group);
  }
  for (const Command *command : commands()) {
    const std::string seen = fmt::format("__fish_seen_subcommand_from {}", command->name);
    const std::string condition =
        command->group.empty()
            ? seen
            : fmt::format("__fish_seen_subcommand_from {}; and {}", command->group, seen);
    const std::string first = command->group.empty()
                                  ? "__fish_use_subcommand"
                                  : fmt::format(
                                        "__fish_seen_subcommand_from {}; and not __fish_seen_"
                                        "subcommand_from {}",
                                        command->group, join(first_words(command->group), " "));
    text += fmt::format("complete -c flamehost -n {} -a {} -d {}\n", fish_quoted(first),
                        command->name, fish_quoted(command->summary));
    for (const CommandArgument &argument : command->arguments) {
      if (argument.kind == ValueKind::kText && argument.choices.empty()) continue;
      text += fmt::format("complete -c flamehost -n {}{}\n", fish_quoted(condition),
                          fish_values(argument.kind, argument.choices));
    }
    for_each_option(*command, [&](const CommandOption &option) {
      text += fmt::format("complete -c flamehost -n {} -l {} -d {}{}\n", fish_quoted(condition),
                          option.name.substr(2), fish_quoted(option.help),
                          option.value.empty() ? "" : fish_values(option.kind, option.choices));
    });
  }
  return text;
}

int run(const Arguments &arguments) {
  if (arguments.has("--words")) {
    for (const std::string &word : completion_words(arguments.get("--words"), arguments)) {
      fmt::print("{}\n", word);
    }
    return 0;
  }
  const std::string shell = arguments.get("SHELL");
  if (shell.empty()) {
    return fail(config_error("completion needs a shell", "name one: bash, zsh or fish"));
  }
  if (shell == "zsh") fmt::print("{}", kZsh);
  fmt::print("{}", shell == "fish" ? fish_script() : bash_script());
  return 0;
}

constexpr std::string_view kShells[] = {"bash", "zsh", "fish"};
constexpr std::string_view kWords[] = {"commands", "components", "settings", "templates"};
constexpr CommandArgument kArguments[] = {
    {.name = "SHELL", .required = false, .help = "bash, zsh or fish", .choices = kShells}};
constexpr CommandOption kOptions[] = {
    {.name = "--words",
     .value = "KIND",
     .help = "print the words that a script asks for: commands, components, settings or templates",
     .choices = kWords}};

}  // namespace

const Command kCompletionCommand = {.group = "",
                                    .name = "completion",
                                    .summary = "Print the completion script of a shell",
                                    .arguments = kArguments,
                                    .options = kOptions,
                                    .run = run};

}  // namespace flame::cli
