#include "core/train/feature_cache.h"

#include <fmt/core.h>

#include <cstdlib>

#include "core/base/log.h"
#include "core/base/sha256.h"
#include "core/base/text.h"
#include "core/io/safetensors.h"
#include "core/io/safetensors_writer.h"

namespace flame {
namespace {

namespace fs = std::filesystem;

// Raised when entries are written in another way.
constexpr std::string_view kVersion = "flamehost features 1";

// Of the names, types and elements of all tensors.
std::string digest_of(const TensorMap &tensors) {
  std::string all;
  for (const auto &[name, tensor] : tensors) {
    const std::string_view bytes(reinterpret_cast<const char *>(tensor.bytes.data()),
                                 tensor.bytes.size());
    all += fmt::format("{} {} {}\n", name, tensor.type.text(), sha256(bytes));
  }
  return sha256(all);
}

Error advised(Error error) {
  if (error.hint.empty()) error.hint = "make room";
  error.hint += ", or name another folder with 'cache' in the section 'data'";
  return error;
}

}  // namespace

FeatureKey &FeatureKey::add(std::string_view name, std::string_view value) {
  // A line end in a value would let two keys have one text.
  const std::string escaped =
      replace_all(replace_all(std::string(value), "\\", "\\\\"), "\n", "\\n");
  text_ += fmt::format("{}={}\n", name, escaped);
  return *this;
}

FeatureKey &FeatureKey::add(std::string_view name, int64_t value) {
  return add(name, std::to_string(value));
}

std::string FeatureKey::digest() const {
  return sha256(fmt::format("{}\n{}", kVersion, text_));
}

FeatureCache::FeatureCache(FeatureCache &&other) noexcept
    : folder_(std::move(other.folder_)),
      found_(other.found_.load()),
      stored_(other.stored_.load()),
      damaged_(other.damaged_.load()) {}

Result<FeatureCache> FeatureCache::open(fs::path folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (!error && !fs::is_directory(folder, error) && !error)
    error = std::make_error_code(std::errc::not_a_directory);
  if (!error) return FeatureCache(std::move(folder));
  return advised(storage_error(fmt::format("{}: no folder for cached latents and texts: {}",
                                           folder.string(), error.message())));
}

// 256 folders, so that none holds too many files for common tools.
fs::path FeatureCache::path_of(const FeatureKey &key) const {
  const std::string digest = key.digest();
  return folder_ / digest.substr(0, 2) / (digest.substr(2) + ".safetensors");
}

bool FeatureCache::has(const FeatureKey &key) const {
  std::error_code ignored;
  return fs::is_regular_file(path_of(key), ignored);
}

Result<TensorMap> FeatureCache::read(const fs::path &path, const FeatureKey &key) const {
  FLAME_ASSIGN(const SafetensorsFile file, SafetensorsFile::open(path));
  const std::string *written = file.find_metadata("key");
  if (!written || *written != key.text())
    return config_error(fmt::format("{}: it belongs to another key", path.string()));
  TensorMap tensors;
  for (const StoredTensor &tensor : file.tensors()) {
    FLAME_ASSIGN(HostTensor value, file.read(tensor));
    tensors.emplace(tensor.name, std::move(value));
  }
  const std::string *digest = file.find_metadata("sha256");
  if (digest && *digest == digest_of(tensors)) return tensors;
  return config_error(
      fmt::format("{}: its SHA-256 is not the one that was written", path.string()));
}

Result<std::optional<TensorMap>> FeatureCache::find(const FeatureKey &key) {
  if (!has(key)) return std::optional<TensorMap>();
  Result<TensorMap> tensors = read(path_of(key), key);
  if (tensors) {
    ++found_;
    return std::optional<TensorMap>(*std::move(tensors));
  }
  if (tensors.error().kind == ErrorKind::kStorage) return advised(tensors.error());
  ++damaged_;
  log::warning(fmt::format("a damaged entry of the cache is made anew: {}", tensors.error().what));
  return std::optional<TensorMap>();
}

Status FeatureCache::store(const FeatureKey &key, const TensorMap &tensors) {
  const FileMetadata facts = {{"key", key.text()}, {"sha256", digest_of(tensors)}};
  const Status done = write_safetensors(path_of(key), tensors, facts, Flush::kLater);
  if (!done) return advised(done.error());
  ++stored_;
  return {};
}

fs::path default_feature_folder() {
  if (const char *cache = std::getenv("XDG_CACHE_HOME"); cache && *cache == '/')
    return fs::path(cache) / "flamehost" / "features";
  if (const char *home = std::getenv("HOME"); home && *home == '/')
    return fs::path(home) / ".cache" / "flamehost" / "features";
  return {};
}

}  // namespace flame
