#include "core/io/weight_set.h"

#include <fmt/core.h>

#include "core/base/terminal.h"

namespace flame {

Result<WeightSet> WeightSet::open(std::span<const std::filesystem::path> files) {
  WeightSet set;
  for (const std::filesystem::path &path : files) {
    FLAME_ASSIGN(SafetensorsFile opened, SafetensorsFile::open(path));
    const auto file = std::make_shared<const SafetensorsFile>(std::move(opened));
    for (const StoredTensor &tensor : file->tensors()) {
      const auto [place, is_new] = set.tensors_.emplace(tensor.name, Entry{file.get(), &tensor});
      if (is_new) continue;
      return config_error(
          fmt::format("the tensor '{}' stands in {} and in {}", printable(tensor.name),
                      place->second.file->path().string(), path.string()),
          "give the files of one model alone");
    }
    set.files_.push_back(file);
  }
  if (files.size() == 1) {
    set.name_ = printable(files.front().string());
  } else if (!files.empty()) {
    set.name_ = fmt::format("{} files in {}", files.size(),
                            printable(files.front().parent_path().string()));
  }
  return set;
}

const WeightSet::Entry *WeightSet::find(std::string_view name) const {
  const auto found = tensors_.find(name);
  return found == tensors_.end() ? nullptr : &found->second;
}

uint64_t WeightSet::data_bytes() const {
  uint64_t sum = 0;
  for (const auto &[name, entry] : tensors_) sum += entry.tensor->size_bytes;
  return sum;
}

}  // namespace flame
