// Folders of weights as diffusers and transformers write them: one file, shards with an index, or a
// folder for each model of a pipeline.
#include <fmt/core.h>

#include <algorithm>
#include <set>

#include "core/base/json.h"
#include "core/base/terminal.h"
#include "core/base/text.h"
#include "core/io/weight_set.h"

namespace flame {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kEnding = ".safetensors";
constexpr size_t kMaxIndexBytes = size_t{64} << 20;

struct Folder {
  std::vector<std::string> weights;  // *.safetensors
  std::vector<std::string> indices;  // *.safetensors.index.json, *.safetensors.index.fp16.json
  std::vector<std::string> pickles;
  std::vector<std::string> folders;
};

Result<Folder> list_folder(const fs::path &path) {
  Folder folder;
  std::error_code failure;
  for (fs::directory_iterator at(path, failure), end; !failure && at != end;
       at.increment(failure)) {
    std::error_code ignored;
    const std::string name = at->path().filename().string();
    if (at->is_directory(ignored)) {
      folder.folders.push_back(name);
    } else if (name.find(".safetensors.index.") != name.npos && name.ends_with(".json")) {
      folder.indices.push_back(name);
    } else if (name.ends_with(kEnding)) {
      folder.weights.push_back(name);
    } else if (is_pickle(name, {})) {
      folder.pickles.push_back(name);
    }
  }
  if (failure) {
    return storage_error(
        fmt::format("{}: cannot list: {}", printable(path.string()), failure.message()));
  }
  for (auto *names : {&folder.weights, &folder.indices, &folder.pickles, &folder.folders})
    std::ranges::sort(*names);
  return folder;
}

// "fp16" of model.fp16.safetensors and model.safetensors.index.fp16.json; empty if there is none.
std::string variant_of(std::string_view name) {
  const size_t ending = name.find(kEnding);
  std::string_view stem = name.substr(0, ending);
  std::string_view rest = name.substr(ending + kEnding.size());
  if (rest.starts_with(".index.") && rest != ".index.json") {
    rest.remove_prefix(std::string_view(".index.").size());
    return std::string(rest.substr(0, rest.find('.')));
  }
  const size_t dot = stem.rfind('.');
  return dot == stem.npos ? "" : std::string(stem.substr(dot + 1));
}

// model-00001-of-00003.safetensors, with or without a variant.
bool is_shard(std::string_view name) {
  const size_t of = name.find("-of-");
  return of != name.npos && of >= 6 && name[of - 6] == '-';
}

// The names of one variant.
std::vector<std::string> of_variant(const std::vector<std::string> &names,
                                    std::string_view variant) {
  std::vector<std::string> chosen;
  for (const std::string &name : names) {
    // Shards carry the variant before their number: model.fp16-00001-of-00002.
    if (!is_shard(name) && variant_of(name) == variant) chosen.push_back(name);
  }
  return chosen;
}

std::set<std::string> variants_of(const Folder &folder) {
  std::set<std::string> variants;
  for (const auto *names : {&folder.weights, &folder.indices}) {
    for (const std::string &name : *names) {
      if (!is_shard(name)) variants.insert(variant_of(name));
    }
  }
  return variants;
}

// The files that an index names, each once; a name in it that its file lacks is an error.
Result<WeightSet> open_index(const fs::path &folder, const std::string &index) {
  const std::string shown = printable((folder / index).string());
  FLAME_ASSIGN(const std::string text, read_file(folder / index, kMaxIndexBytes));
  FLAME_ASSIGN(const Json json, parse_json(text, shown, {.max_bytes = kMaxIndexBytes}));
  const Json *map = json.find("weight_map");
  if (!map || !map->as_object() || map->as_object()->empty()) {
    return config_error(fmt::format("{}: has no 'weight_map' of names and files", shown),
                        "get the file again");
  }
  std::set<std::string> names;
  for (const auto &[tensor, file] : *map->as_object()) {
    const std::string *name = file.as_string();
    if (!name || name->find('/') != name->npos || !name->ends_with(kEnding)) {
      return config_error(fmt::format("{}: the file of '{}' is no *.safetensors in its folder",
                                      shown, printable(tensor)),
                          "get the file again");
    }
    names.insert(*name);
  }
  std::vector<fs::path> files;
  for (const std::string &name : names) files.push_back(folder / name);
  FLAME_ASSIGN(WeightSet set, WeightSet::open(files));
  for (const auto &[tensor, file] : *map->as_object()) {
    const WeightSet::Entry *entry = set.find(tensor);
    if (entry && entry->file->path().filename().string() == *file.as_string()) continue;
    return config_error(fmt::format("{}: says that '{}' stands in {}, where it does not", shown,
                                    printable(tensor), printable(*file.as_string())),
                        "get all files again, from one place");
  }
  return set;
}

Error nothing_in(const fs::path &path, const Folder &folder, std::string_view variant) {
  const std::string shown = printable(path.string());
  const std::set<std::string> variants = variants_of(folder);
  if (!variants.empty()) {
    std::vector<std::string> names;
    for (const std::string &name : variants)
      names.push_back(name.empty() ? "none" : "'" + printable(name) + "'");
    return config_error(
        fmt::format("{}: has no weights of the variant '{}'", shown, printable(variant)),
        "it has the variants " + join(names, ", "));
  }
  if (!folder.pickles.empty()) {
    return config_error(fmt::format("{}: holds weights as a pickle of PyTorch alone ({}), which is "
                                    "never read here",
                                    shown, printable(folder.pickles.front())),
                        "get the *.safetensors of the same model");
  }
  return config_error(fmt::format("{}: holds no *.safetensors", shown),
                      "give a file, or a folder that holds the weights of a model");
}

// One model's set, or nothing if the folder itself holds no weights of that variant.
Result<std::vector<WeightSet>> open_model(const fs::path &path, const Folder &folder,
                                          std::string_view variant) {
  const std::vector<std::string> indices = of_variant(folder.indices, variant);
  const std::vector<std::string> weights = of_variant(folder.weights, variant);
  if (indices.size() + weights.size() > 1) {
    return config_error(
        fmt::format("{}: holds the weights of several models: {}", printable(path.string()),
                    printable(join(indices.empty() ? weights : indices, ", "))),
        "give one of the files");
  }
  std::vector<WeightSet> sets;
  if (!indices.empty()) {
    FLAME_ASSIGN(WeightSet set, open_index(path, indices.front()));
    sets.push_back(std::move(set));
  } else if (!weights.empty()) {
    const fs::path file = path / weights.front();
    FLAME_ASSIGN(WeightSet set, WeightSet::open({&file, 1}));
    sets.push_back(std::move(set));
  }
  return sets;
}

std::string chosen_variant(const Folder &folder, std::string_view wanted) {
  const std::set<std::string> variants = variants_of(folder);
  if (wanted.empty() && variants.size() == 1) return *variants.begin();
  return std::string(wanted);
}

Result<std::vector<WeightSet>> open_folder(const fs::path &path, std::string_view variant) {
  FLAME_ASSIGN(const Folder folder, list_folder(path));
  FLAME_ASSIGN(std::vector<WeightSet> sets,
               open_model(path, folder, chosen_variant(folder, variant)));
  if (!sets.empty()) return sets;
  for (const std::string &name : folder.folders) {
    FLAME_ASSIGN(const Folder inner, list_folder(path / name));
    FLAME_ASSIGN(std::vector<WeightSet> more,
                 open_model(path / name, inner, chosen_variant(inner, variant)));
    for (WeightSet &set : more) sets.push_back(std::move(set));
  }
  if (sets.empty()) return nothing_in(path, folder, variant);
  return sets;
}

}  // namespace

Result<std::vector<WeightSet>> open_weights(const fs::path &path, std::string_view variant) {
  std::error_code ignored;
  if (fs::is_directory(path, ignored)) return open_folder(path, variant);
  FLAME_ASSIGN(WeightSet set, WeightSet::open({&path, 1}));
  std::vector<WeightSet> sets;
  sets.push_back(std::move(set));
  return sets;
}

}  // namespace flame
