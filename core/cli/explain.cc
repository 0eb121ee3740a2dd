// `flamehost explain FILE`: what the passes make of a program, one after the other.
#include <fmt/core.h>

#include <algorithm>
#include <array>

#include "core/base/json.h"
#include "core/base/suggest.h"
#include "core/base/terminal.h"
#include "core/cli/commands.h"
#include "core/cli/explained.h"
#include "core/program/print.h"

namespace flame::cli {
namespace {

constexpr std::string_view kFormats[] = {"text", "json", "dot"};
constexpr std::string_view kPrecisions[] = {"f32", "bf16", "f16"};

constexpr std::array kArguments = {
    CommandArgument{.name = "FILE",
                    .kind = ValueKind::kFile,
                    .help = "a program (*.json, as --format json prints it) or a pipeline"},
};
constexpr std::array kOptions = {
    CommandOption{.name = "--pass",
                  .value = "NAME",
                  .help = "show the program before and after this pass alone",
                  .choices = kPassNames},
    CommandOption{.name = "--format",
                  .value = "FORMAT",
                  .help = "text, json, or dot for Graphviz",
                  .choices = kFormats},
    CommandOption{.name = "--grep",
                  .value = "TEXT",
                  .help = "show only ops whose line holds this, such as block.3"},
    CommandOption{
        .name = "--backend",
        .value = "NAME",
        .kind = ValueKind::kComponent,
        .help = "fuse and place for its first device; auto, if not given, takes a GPU or else "
                "the processor. Options follow a colon: cuda:determinism=strict"},
    CommandOption{.name = "--of",
                  .value = "OUTPUT",
                  .repeated = true,
                  .help = "take the gradient of this output, a scalar; may be repeated"},
    CommandOption{.name = "--with-respect-to",
                  .value = "NAME",
                  .repeated = true,
                  .help = "to this parameter or input; else to all trainable parameters"},
    CommandOption{.name = "--precision",
                  .value = "TYPE",
                  .help = "store and multiply in f32, bf16 or f16",
                  .choices = kPrecisions},
    CommandOption{.name = "--memory",
                  .value = "SIZE",
                  .help = "make it fit into this, such as 12GiB, by recomputing"},
    CommandOption{.name = "--adapter",
                  .value = "NAME",
                  .kind = ValueKind::kComponent,
                  .help = "the adapter to use; else lora"},
    CommandOption{
        .name = "--adapt",
        .value = "LAYERS",
        .repeated = true,
        .help = "adapt these layers: \"to_q\", \"mid.** rank=4\", \"!out\"; may be repeated"},
    CommandOption{.name = "--program",
                  .value = "NAME",
                  .help = "of a pipeline: the model's program; else its first"},
    CommandOption{.name = "--size",
                  .value = "NAME=NUMBER",
                  .repeated = true,
                  .help = "of a pipeline: a size of the program, such as batch=1; may be repeated"},
    CommandOption{.name = "--set",
                  .value = "KEY=VALUE",
                  .kind = ValueKind::kSetting,
                  .repeated = true,
                  .help = "of a pipeline: change one value first; may be repeated"},
};

// A program under a heading.
struct Stage {
  std::string name;
  std::string summary;
  const Program *program = nullptr;
  const PlacedProgram *placed = nullptr;  // shown instead, in text
};

std::vector<Stage> stages_of(const Program &given, const PassedProgram &passed) {
  std::vector<Stage> stages;
  stages.push_back({"given", fmt::format("{} nodes", given.nodes().size()), &given});
  for (const PassResult &pass : passed.passes) {
    stages.push_back({std::string(pass.name), pass.summary, &pass.program});
    if (pass.name == "place") stages.back().placed = &*passed.placed;
  }
  return stages;
}

// The pass and what was before it, or all.
Result<std::vector<Stage>> chosen(const std::vector<Stage> &stages, const std::string &pass) {
  if (pass.empty()) return stages;
  for (size_t i = 1; i < stages.size(); ++i) {
    if (stages[i].name != pass) continue;
    Stage before = stages[i - 1];
    before.name = "before " + pass;
    before.summary = fmt::format("{} nodes", before.program->nodes().size());
    Stage after = stages[i];
    after.name = "after " + pass;
    return std::vector<Stage>{before, after};
  }
  const std::string_view needs = pass == "adapt"           ? "--adapt"
                                 : pass == "differentiate" ? "--of"
                                 : pass == "recompute"     ? "--memory"
                                                           : "--precision";
  return config_error(fmt::format("the pass {} has nothing to do here", pass),
                      fmt::format("it is asked for with {}", needs));
}

std::string lines_with(const std::string &text, const std::string &part) {
  if (part.empty()) return text;
  std::string kept;
  for (size_t start = 0; start < text.size();) {
    const size_t end = std::min(text.find('\n', start), text.size());
    const std::string_view line = std::string_view(text).substr(start, end - start);
    if (line.find(part) != std::string_view::npos) kept.append(line).append("\n");
    start = end + 1;
  }
  return kept;
}

void print_text(const std::vector<Stage> &stages, const std::string &part) {
  for (const Stage &stage : stages) {
    fmt::print("== {}: {}\n", stage.name, printable(stage.summary));
    const std::string text = stage.placed ? to_text(*stage.placed) : to_text(*stage.program);
    fmt::print("{}\n", lines_with(text, part));
  }
}

void print_dot(const std::vector<Stage> &stages, const std::string &part) {
  for (const Stage &stage : stages) {
    if (stage.placed) continue;  // its nodes are those of fuse
    const Program &program = *stage.program;
    const auto shown = [&](const Node &node) {
      return to_text(program, node).find(part) != std::string::npos;
    };
    fmt::print("// {}: {}\n{}", stage.name, printable(stage.summary), to_dot(program, shown));
  }
}

// A step as data, in the words of the text.
Json placed_json(const PlacedProgram &placed, const std::string &part) {
  Json lines(Json::Array{});
  const std::string text = lines_with(to_text(placed), part);
  for (size_t start = 0; start < text.size();) {
    const size_t end = std::min(text.find('\n', start), text.size());
    lines.push(text.substr(start, end - start));
    start = end + 1;
  }
  Json json;
  json.set("lines", std::move(lines));
  json.set("arena_bytes", static_cast<int64_t>(placed.arena_bytes));
  json.set("live_bytes", static_cast<int64_t>(placed.live_bytes));
  return json;
}

Result<Json> program_json(const Program &program, const std::string &part) {
  FLAME_ASSIGN(Json json, parse_json(to_json(program, -1), "the program",
                                     {.max_bytes = SIZE_MAX, .max_depth = 16}));
  if (part.empty()) return json;
  Json nodes(Json::Array{});
  for (size_t id = 0; id < program.nodes().size(); ++id) {
    const bool shown = to_text(program, program.nodes()[id]).find(part) != std::string::npos;
    if (shown) nodes.push((*json.find("nodes")->as_array())[id]);
  }
  json.set("nodes", std::move(nodes));
  return json;
}

Status print_json(const std::vector<Stage> &stages, const std::string &part) {
  Json list(Json::Array{});
  for (const Stage &stage : stages) {
    Json entry;
    entry.set("name", stage.name).set("summary", stage.summary);
    if (stage.placed) {
      entry.set("placed", placed_json(*stage.placed, part));
    } else {
      FLAME_ASSIGN(Json program, program_json(*stage.program, part));
      entry.set("program", std::move(program));
    }
    list.push(std::move(entry));
  }
  Json json;
  fmt::print("{}\n", json.set("passes", std::move(list)).dump(1));
  return {};
}

Status explain(const Arguments &arguments) {
  FLAME_ASSIGN(const Explained explained, read_explained(arguments));
  const std::string pass = arguments.get("--pass");
  const PassedProgram passed =
      run_passes(explained.program, explained.settings, explained.device.get(), pass);
  // What was done before a pass that failed is shown too: it is what the error speaks of.
  if (!pass.empty()) FLAME_TRY(passed.status);
  FLAME_ASSIGN(const std::vector<Stage> stages, chosen(stages_of(explained.program, passed), pass));
  const std::string format = arguments.get("--format", "text");
  const std::string part = arguments.get("--grep");
  if (format == "json") FLAME_TRY(print_json(stages, part));
  if (format == "dot") print_dot(stages, part);
  if (format == "text") print_text(stages, part);
  return passed.status;
}

int run(const Arguments &arguments) {
  const Status status = explain(arguments);
  return status.ok() ? 0 : fail(status.error());
}

}  // namespace

const Command kExplainCommand = {
    .group = "",
    .name = "explain",
    .summary = "Show a program after each pass that is made over it",
    .arguments = kArguments,
    .options = kOptions,
    .run = run,
};

}  // namespace flame::cli
