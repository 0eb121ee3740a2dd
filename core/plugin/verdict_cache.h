// Remembers which libraries have started in a child, so that the next run need not try again.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace flame {

// One small file for each library, named by its SHA-256, in the folder plugins-started of the
// user's cache. Only good verdicts are kept: a refusal may come from what surrounds the plugin (a
// driver that is missing, a machine that is too busy), and must end when that does. A verdict holds
// for one version of this host. A file that cannot be read or is not as written counts as absent
// and is written anew; a cache that cannot be written costs time and is no error.
class VerdictCache {
 public:
  // An empty folder makes a cache that remembers nothing.
  explicit VerdictCache(std::filesystem::path folder) : folder_(std::move(folder)) {}

  // In cache_folder(); see core/plugin/search_path.h.
  static VerdictCache of_user();

  bool has_started(std::string_view sha256) const;
  void remember_start(std::string_view sha256, std::string_view plugin_id) const;

 private:
  std::filesystem::path file_of(std::string_view sha256) const;

  std::filesystem::path folder_;
};

}  // namespace flame
