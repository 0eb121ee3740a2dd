// A model's weights as one set of named tensors, whether they stand in one file or in several.
#pragma once

#include <map>
#include <memory>
#include <span>

#include "core/io/safetensors.h"

namespace flame {

// Copies share the open files. [any thread, once opened]
class WeightSet {
 public:
  struct Entry {
    const SafetensorsFile *file = nullptr;
    const StoredTensor *tensor = nullptr;
  };

  // All tensors of all files; a name that stands in two of them is an error that names both.
  static Result<WeightSet> open(std::span<const std::filesystem::path> files);

  // What messages call it: the file, or "3 files in FOLDER".
  const std::string &name() const { return name_; }
  const std::vector<std::shared_ptr<const SafetensorsFile>> &files() const { return files_; }
  // By name.
  const std::map<std::string_view, Entry> &tensors() const { return tensors_; }
  // Null if there is none of that name. Lives as long as the set.
  const Entry *find(std::string_view name) const;
  uint64_t data_bytes() const;

 private:
  std::string name_;
  std::vector<std::shared_ptr<const SafetensorsFile>> files_;
  std::map<std::string_view, Entry> tensors_;  // keys lie in files_
};

// The sets of weights that a path holds: a file is one; a folder of one model (sharded with an
// index, or not) is one; a folder of a whole pipeline, with a folder for each model, is several.
// `variant` chooses among files such as model.fp16.safetensors; empty: those without one, or the
// only one that is there. Errors: kStorage, kBadConfig that names what the folder lacks.
Result<std::vector<WeightSet>> open_weights(const std::filesystem::path &path,
                                            std::string_view variant = {});

}  // namespace flame
