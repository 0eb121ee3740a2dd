// What a frozen model makes of the data (latents, text states), kept on disk under a name that
// says all that it depends on.
#pragma once

#include <atomic>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/result.h"
#include "core/tensor/host_tensor.h"

namespace flame {

// What the tensors of an entry depend on, by name: the identity of the picture, the draw, the hash
// of the model's weights, its program, the precision. An entry is found by exactly these.
class FeatureKey {
 public:
  FeatureKey &add(std::string_view name, std::string_view value);
  FeatureKey &add(std::string_view name, int64_t value);

  // One line "name=value" for each, in the order of adding; two keys never have the same text.
  const std::string &text() const { return text_; }
  // 64 hexadecimal digits: the name of the entry.
  std::string digest() const;

 private:
  std::string text_;
};

// A folder of entries, each a safetensors file named by the hash of its key. Runs may share it at
// the same time: a file appears whole or not at all, and two that make the same entry make the same
// bytes. Nothing is taken unchecked: the key must be the one that was asked for, and the SHA-256 of
// the tensors the one that was written. [any thread]
class FeatureCache {
 public:
  // Makes the folder. Errors (kStorage): it cannot be made, or is no folder.
  static Result<FeatureCache> open(std::filesystem::path folder);
  FeatureCache(FeatureCache &&other) noexcept;

  // The tensors; nothing if there is no such entry, or a damaged one, which is told in the log and
  // replaced by the next store(). Error (kStorage): the file is there but cannot be read.
  Result<std::optional<TensorMap>> find(const FeatureKey &key);
  // True if there is a file of that name, whatever it holds: for counting what is to be made.
  bool has(const FeatureKey &key) const;
  // Error (kStorage): the disk is full, the folder cannot be written to. Older content stays.
  Status store(const FeatureKey &key, const TensorMap &tensors);

  const std::filesystem::path &folder() const { return folder_; }
  // Of this object, for the report.
  uint64_t found() const { return found_; }
  uint64_t stored() const { return stored_; }
  uint64_t damaged() const { return damaged_; }

 private:
  explicit FeatureCache(std::filesystem::path folder) : folder_(std::move(folder)) {}
  std::filesystem::path path_of(const FeatureKey &key) const;
  Result<TensorMap> read(const std::filesystem::path &path, const FeatureKey &key) const;

  std::filesystem::path folder_;
  std::atomic<uint64_t> found_{0};
  std::atomic<uint64_t> stored_{0};
  std::atomic<uint64_t> damaged_{0};
};

// Where caches are kept if the user names no place: below XDG_CACHE_HOME or ~/.cache. Empty if
// there is neither.
std::filesystem::path default_feature_folder();

}  // namespace flame
