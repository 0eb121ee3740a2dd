// plugins.lock: the libraries that a pipeline may load, by their content.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/plugin/catalogue.h"

namespace flame {

inline constexpr std::string_view kLockFileName = "plugins.lock";

class PluginLock {
 public:
  // Errors (kBadPlugin) name the file: a lock that cannot be read allows nothing.
  static Result<PluginLock> read(const std::filesystem::path &file);

  // The lock beside a pipeline file, or none if there is no such file.
  static Result<std::optional<PluginLock>> beside(const std::filesystem::path &pipeline_file);

  // Locks what is installed now: every library is checked and hashed, none is loaded. Errors: a
  // library that would not be loaded anyway, or two files with one plugin id.
  static Result<PluginLock> of(const Catalogue &catalogue);

  Status write(const std::filesystem::path &file) const;

  // Whether the plugin, whose library has this hash, is in the lock. The error says what to do.
  Status check(const InstalledPlugin &plugin, std::string_view sha256) const;

  size_t size() const { return entries_.size(); }

 private:
  struct Entry {
    std::string id;
    std::string version;
    std::string library;  // its file name; told to the user, the hash decides
    std::string sha256;
  };

  std::string name_;  // of the file, for messages
  std::vector<Entry> entries_;
};

}  // namespace flame
