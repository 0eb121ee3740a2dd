// Compiled kernels on disk, so that a second start compiles nothing.
#pragma once

#include <atomic>
#include <optional>
#include <string>
#include <string_view>

namespace flame::cuda {

// A folder of files, one for each kernel, named by a hash of the key and holding the whole key, so
// that no file is taken for another's. Several processes may share it: files appear whole. A file
// that is damaged counts as missing and is replaced. Threads may use it at the same time, each with
// keys of its own.
class KernelCache {
 public:
  // Empty: $XDG_CACHE_HOME/flamehost/cuda, or ~/.cache/flamehost/cuda; without a home, no cache.
  explicit KernelCache(const std::string &folder);

  std::optional<std::string> find(std::string_view key) const;
  // A failure to write is told to the log, once; the run goes on.
  void keep(std::string_view key, std::string_view image);

  const std::string &folder() const { return folder_; }

 private:
  std::string file_of(std::string_view key) const;

  std::string folder_;
  std::atomic<bool> told_ = false;
};

// 64 bits by FNV-1a, from a start of choice.
uint64_t hash_of(std::string_view text, uint64_t start = 14695981039346656037u);

}  // namespace flame::cuda
