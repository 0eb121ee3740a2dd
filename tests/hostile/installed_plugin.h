// A plugin in a folder of its own, with the manifest that its good twin would have.
#pragma once

#include <filesystem>
#include <string>

#include "core/plugin/manifest.h"

namespace flame {

class InstalledForTest {
 public:
  // Copies the built plugin `built` ("good") under the name `name`.
  InstalledForTest(const std::string &built, const std::string &name);
  ~InstalledForTest();
  InstalledForTest(const InstalledForTest &) = delete;
  InstalledForTest &operator=(const InstalledForTest &) = delete;

  const std::filesystem::path &folder() const { return folder_; }
  const std::filesystem::path &library() const { return library_; }
  const std::filesystem::path &manifest_file() const { return manifest_file_; }

  std::string library_bytes() const;
  // Both bring the manifest's hash up to date, so that only what was changed is wrong.
  void write_library(const std::string &bytes);
  void update_manifest();

  // What the manifest says; write_manifest() makes it so.
  Manifest manifest;
  void write_manifest() const;
  void write_manifest_text(const std::string &text) const;

 private:
  std::filesystem::path folder_, library_, manifest_file_;
};

}  // namespace flame
