// Whether a library may be loaded at all: a plain file that only root or the user can have written,
// with the content that was recorded.
//
// Between looking and loading the file could change. The library is nevertheless loaded by its path
// and not through the descriptor that was hashed: a library opened as /proc/self/fd/N or from a
// memory file has no folder, so that $ORIGIN in its RPATH leads nowhere (the CUDA backend finds its
// libraries that way), two names of one file are loaded twice, and debuggers show a number instead
// of a name. The ownership rules close the gap against others: who could swap the file after the
// look already has the rights of the user or of root. Against accidents, such as a build that
// writes the library at that moment, unchanged() compares the file's identity and times after the
// load with those that were hashed.
#pragma once

#include <sys/stat.h>

#include <filesystem>
#include <string>
#include <string_view>

#include "core/base/file.h"
#include "core/base/result.h"

namespace flame {

// A library that passed every rule below, held open.
class TrustedLibrary {
 public:
  // The rules: an absolute path without '$' (the loader would expand $ORIGIN and $LIB); a regular
  // file; a symbolic link only to a file in the same folder; owner root or the user; neither the
  // file nor its folder writable for the group or for all. Errors (kBadPlugin) name the file and
  // the command that mends it.
  static Result<TrustedLibrary> open(const std::filesystem::path &file);

  // The hash of what is open must be `expected`, which `recorded_in` holds ("fast.flame.json").
  Status check_hash(std::string_view expected, std::string_view recorded_in) const;

  // Whether the path still leads to the same, unchanged file.
  Status unchanged() const;

  const std::filesystem::path &path() const { return path_; }  // without symbolic links
  const std::string &sha256() const { return sha256_; }
  int descriptor() const { return file_.get(); }

 private:
  TrustedLibrary(std::filesystem::path path, Descriptor file, struct stat status,
                 std::string sha256);

  std::filesystem::path path_;
  Descriptor file_;
  struct stat status_;
  std::string sha256_;
};

}  // namespace flame
