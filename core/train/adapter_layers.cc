#include "core/train/adapter_layers.h"

#include <fmt/core.h>

#include <utility>

#include "core/base/can_create.h"
#include "core/base/file.h"
#include "core/base/terminal.h"
#include "core/base/text.h"

namespace flame {
namespace {

namespace fs = std::filesystem;

constexpr size_t kProblemsShown = 20;

}  // namespace

std::string listed(std::vector<std::string> problems) {
  const size_t count = problems.size();
  if (count > kProblemsShown) {
    problems.resize(kProblemsShown);
    problems.push_back(fmt::format("and {} more", count - kProblemsShown));
  }
  return join(problems, "\n  ");
}

Status check_path(const AdapterExport &given) {
  std::error_code ignored;
  const fs::file_status status = fs::symlink_status(given.path, ignored);
  const std::string path = printable(given.path.string());
  if (!fs::exists(status)) return {};
  if (fs::is_directory(given.path, ignored))
    return config_error(path + ": is a folder, expected the name of a file to write");
  if (given.overwrite) return {};
  return config_error(path + ": is there already, and is left as it is",
                      "choose another path, or set overwrite: true");
}

Status check_place(const AdapterExport &given) {
  FLAME_TRY(check_path(given));
  return can_create(given.path);
}

Shape TrainedLayer::weight() const {
  const Shape &in = down->type.shape;
  const int64_t out = up->type.shape[0];
  return in.rank() == 2 ? Shape{out, in[1]} : Shape{out, in[1], in[2], in[3]};
}

bool TrainedLayer::is_right() const {
  if (!down || !up) return false;
  const Shape &in = down->type.shape, &out = up->type.shape;
  if (in.rank() != out.rank() || (in.rank() != 2 && in.rank() != 4) || in[0] == 0) return false;
  if (in.rank() == 2) return out[1] == in[0];
  return out[1] == 1 && out[2] == 1 && out[3] == in[0];
}

Result<std::vector<TrainedLayer>> layers_of(const ExportedPart &part) {
  if (part.own_weights) {
    return config_error(
        fmt::format("the weights of '{}' learned themselves, and there is no adapter "
                    "to write",
                    printable(part.part)),
        "export with 'use: merge', which writes a whole checkpoint");
  }
  std::map<std::string, TrainedLayer> layers;
  std::vector<std::string> problems;
  for (const auto &[name, tensor] : part.tensors) {
    const bool is_down = name.ends_with(kDown), is_up = name.ends_with(kUp);
    if (!is_down && !is_up) {
      problems.push_back(fmt::format("'{}' is neither lora_down nor lora_up", printable(name)));
      continue;
    }
    std::string layer = name.substr(0, name.size() - (is_down ? kDown : kUp).size());
    (is_down ? layers[layer].down : layers[layer].up) = &tensor;
  }
  std::vector<TrainedLayer> sound;
  for (auto &[name, layer] : layers) {
    layer.name = name;
    if (layer.is_right()) {
      const auto alpha = part.alphas.find(name);
      layer.alpha = alpha == part.alphas.end() ? layer.rank() : alpha->second;
      sound.push_back(layer);
    } else {
      problems.push_back(
          fmt::format("'{}': lora_down and lora_up do not fit together, or one is "
                      "missing",
                      printable(name)));
    }
  }
  if (problems.empty()) return sound;
  return config_error(fmt::format("the adapter of '{}' cannot be exported:\n  {}",
                                  printable(part.part), listed(std::move(problems))),
                      "export an adapter of the kind lora");
}

// Beside the file, so that it can be renamed.
UncheckedFile::UncheckedFile(const fs::path &path)
    : path_(path.parent_path() / ("." + path.filename().string() + ".unchecked")) {}

UncheckedFile::~UncheckedFile() {
  std::error_code ignored;
  if (!path_.empty()) fs::remove(path_, ignored);
}

Status UncheckedFile::rename_to(const fs::path &path) {
  return rename_file(std::exchange(path_, {}), path);
}

}  // namespace flame
