// `flamehost weights inspect FILE`: what a file of weights holds, without a plugin.
#include <fmt/core.h>

#include <algorithm>
#include <map>

#include "core/base/json.h"
#include "core/base/terminal.h"
#include "core/base/text.h"
#include "core/cli/commands.h"
#include "core/cli/opened_model.h"
#include "core/cli/progress.h"
#include "core/io/weight_kinds.h"

namespace flame::cli {
namespace {

constexpr size_t kMaxValueShown = 100;
constexpr size_t kMaxGroups = 40;

struct Tally {
  uint64_t tensors = 0;
  uint64_t bytes = 0;
};

// The name up to its second dot: "model.diffusion_model."
std::string group_of(std::string_view name) {
  const size_t first = name.find('.');
  const size_t second = first == name.npos ? first : name.find('.', first + 1);
  return second == name.npos ? std::string(name) : std::string(name.substr(0, second + 1)) + "…";
}

std::string one_line(const std::string &text) {
  std::string line = replace_all(printable(text), "\n", " ");
  if (line.size() > kMaxValueShown) line = line.substr(0, kMaxValueShown) + "…";
  return line;
}

void print_metadata(const WeightSet &set) {
  for (const auto &file : set.files()) {
    if (file->metadata().empty()) continue;
    fmt::print("\nmetadata of {}\n", printable(file->path().filename().string()));
    for (const auto &[key, value] : file->metadata())
      fmt::print("  {} = {}\n", one_line(key), one_line(value));
  }
}

void print_tallies(std::string_view title, const std::map<std::string, Tally> &tallies) {
  fmt::print("\n{}\n", title);
  size_t shown = 0;
  for (const auto &[name, tally] : tallies) {
    if (++shown > kMaxGroups) {
      fmt::print("  and {} more\n", tallies.size() - kMaxGroups);
      return;
    }
    fmt::print("  {:<52} {:>6} tensors  {:>10}\n", printable(name), tally.tensors,
               bytes_text(tally.bytes));
  }
}

void print_set(const WeightSet &set) {
  std::map<std::string, Tally> types, groups;
  for (const auto &[name, entry] : set.tensors()) {
    for (Tally *tally : {&types[std::string(entry.tensor->type->name)], &groups[group_of(name)]}) {
      ++tally->tensors;
      tally->bytes += entry.tensor->size_bytes;
    }
  }
  fmt::print("{}\n  {} tensors, {}\n", set.name(), set.tensors().size(),
             bytes_text(set.data_bytes()));
  const std::vector<std::string> kinds = kinds_of(set);
  fmt::print("  holds {}\n",
             kinds.empty() ? "nothing that is known here" : join(kinds, "\n        "));
  print_tallies("types", types);
  print_tallies("names", groups);
  print_metadata(set);
}

Json to_json(const WeightSet &set) {
  Json::Array tensors, kinds, files;
  for (const auto &[name, entry] : set.tensors()) {
    Json::Array shape;
    for (const int64_t size : entry.tensor->shape) shape.emplace_back(size);
    Json one;
    one.set("name", std::string(name)).set("dtype", std::string(entry.tensor->type->name));
    one.set("shape", std::move(shape));
    one.set("bytes", static_cast<int64_t>(entry.tensor->size_bytes));
    one.set("file", entry.file->path().string());
    tensors.push_back(std::move(one));
  }
  for (const std::string &kind : kinds_of(set)) kinds.emplace_back(kind);
  for (const auto &file : set.files()) {
    Json::Object metadata;
    for (const auto &[key, value] : file->metadata()) metadata.emplace_back(key, value);
    Json one;
    one.set("path", file->path().string());
    one.set("bytes", static_cast<int64_t>(file->size_bytes()));
    one.set("metadata", std::move(metadata));
    files.push_back(std::move(one));
  }
  Json json;
  json.set("holds", std::move(kinds)).set("files", std::move(files));
  return json.set("tensors", std::move(tensors));
}

Status inspect(const Arguments &arguments) {
  FLAME_ASSIGN(const std::vector<WeightSet> sets,
               open_weight_paths(arguments.all("FILE"), arguments.get("--variant")));
  if (arguments.has("--json")) {
    Json list(Json::Array{});
    for (const WeightSet &set : sets) list.push(to_json(set));
    fmt::print("{}\n", list.dump(1));
    return {};
  }
  for (const WeightSet &set : sets) {
    if (&set != &sets.front()) fmt::print("\n");
    print_set(set);
  }
  return {};
}

int run(const Arguments &arguments) {
  const Status status = inspect(arguments);
  return status.ok() ? 0 : fail(status.error());
}

constexpr CommandArgument kArguments[] = {
    {.name = "FILE", .kind = ValueKind::kFile, .help = "a safetensors file, or a folder of them"},
};
constexpr CommandOption kOptions[] = {
    {.name = "--json", .value = {}, .help = "print every tensor as JSON"},
    {.name = "--variant", .value = "NAME", .help = "which files of a folder to take, such as fp16"},
};

}  // namespace

const Command kWeightsInspectCommand = {
    .group = "weights",
    .name = "inspect",
    .summary = "Show what a file of weights holds: tensors, types, metadata, what it is",
    .arguments = kArguments,
    .options = kOptions,
    .run = run,
};

}  // namespace flame::cli
