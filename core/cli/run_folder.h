// runs/NAME: what one run writes, and the lock that keeps a second one out.
#pragma once

#include <filesystem>
#include <string>

#include "core/base/file.h"

namespace flame::cli {

// Held as long as the run lives; the system lets go of it however the process ends.
class RunFolder {
 public:
  // Makes the folder if there is none. Errors: kStorage if it cannot be made or written, kBadConfig
  // if a living process has it.
  static Result<RunFolder> open(const std::string &run);

  const std::filesystem::path &path() const { return path_; }

 private:
  RunFolder(std::filesystem::path path, Descriptor lock)
      : path_(std::move(path)), lock_(std::move(lock)) {}

  std::filesystem::path path_;
  Descriptor lock_;
};

}  // namespace flame::cli
