#include "core/plugin/trust.h"

#include <fmt/core.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "core/base/sha256.h"
#include "core/base/terminal.h"

namespace flame {
namespace {

namespace fs = std::filesystem;

// Owner and mode of a library or of its folder.
Status check_owner(const fs::path &path, const struct stat &status, std::string_view what) {
  const std::string name = printable(path.string());
  if (status.st_uid != 0 && status.st_uid != geteuid()) {
    return plugin_error(
        fmt::format("{}: the {} belongs to user {}; expected root or user {}, who runs this", name,
                    what, status.st_uid, geteuid()),
        fmt::format("if you trust it: chown {} '{}'", geteuid(), name));
  }
  if (status.st_mode & (S_IWGRP | S_IWOTH)) {
    return plugin_error(
        fmt::format("{}: the {} can be written by {} (mode {:04o}), so anybody of them could plant "
                    "code in it",
                    name, what, status.st_mode & S_IWOTH ? "all users" : "its group",
                    status.st_mode & 07777),
        fmt::format("if you trust it: chmod go-w '{}'", name));
  }
  return {};
}

// The path without symbolic links. A link may lead to another name in the same folder, such as
// libx.so to libx.so.1, and nowhere else.
Result<fs::path> resolve(const fs::path &file) {
  const std::string name = printable(file.string());
  if (!file.is_absolute()) {
    return plugin_error(fmt::format("{}: a library is loaded by its absolute path alone", name));
  }
  std::error_code failed;
  const fs::path folder = fs::canonical(file.parent_path(), failed);
  if (failed) return plugin_error(fmt::format("{}: {}", name, failed.message()));
  const fs::path real = fs::canonical(file, failed);
  if (failed) return plugin_error(fmt::format("{}: {}", name, failed.message()));
  if (real.parent_path() != folder) {
    return plugin_error(fmt::format("{}: a symbolic link that leads out of its folder, to {}", name,
                                    printable(real.string())),
                        "install the library itself beside its manifest");
  }
  if (real.native().find('$') != std::string::npos) {
    return plugin_error(fmt::format("{}: the path holds '$', which the loader would expand", name),
                        "move the plugin to a folder without '$' in its name");
  }
  return real;
}

bool same_file(const struct stat &a, const struct stat &b) {
  return a.st_dev == b.st_dev && a.st_ino == b.st_ino && a.st_size == b.st_size &&
         a.st_mtim.tv_sec == b.st_mtim.tv_sec && a.st_mtim.tv_nsec == b.st_mtim.tv_nsec &&
         a.st_ctim.tv_sec == b.st_ctim.tv_sec && a.st_ctim.tv_nsec == b.st_ctim.tv_nsec;
}

}  // namespace

TrustedLibrary::TrustedLibrary(fs::path path, Descriptor file, struct stat status,
                               std::string sha256)
    : path_(std::move(path)), file_(std::move(file)), status_(status), sha256_(std::move(sha256)) {}

Result<TrustedLibrary> TrustedLibrary::open(const fs::path &file) {
  FLAME_ASSIGN(fs::path path, resolve(file));
  const std::string name = printable(path.string());
  struct stat folder {};
  if (stat(path.parent_path().c_str(), &folder) != 0) {
    return plugin_error(fmt::format("{}: cannot look at its folder: {}", name, strerror(errno)));
  }
  FLAME_TRY(check_owner(path.parent_path(), folder, "plugin folder"));
  Result<Descriptor> opened = open_regular_file(path);
  if (!opened.ok()) return plugin_error(opened.error().what, opened.error().hint);
  struct stat status {};
  if (fstat(opened->get(), &status) != 0) {
    return plugin_error(fmt::format("{}: cannot look at: {}", name, strerror(errno)));
  }
  FLAME_TRY(check_owner(path, status, "library"));
  Result<std::string> hash = flame::sha256_of_descriptor(opened->get(), name);
  if (!hash.ok()) return plugin_error(hash.error().what);
  TrustedLibrary library(std::move(path), std::move(*opened), status, std::move(*hash));
  FLAME_TRY(library.unchanged());
  return library;
}

Status TrustedLibrary::check_hash(std::string_view expected, std::string_view recorded_in) const {
  if (sha256_ == expected) return {};
  return plugin_error(
      fmt::format("{}: its SHA-256 is {}, but {} says {}", printable(path_.string()), sha256_,
                  printable(recorded_in), expected),
      "if you did not change the library yourself, do not use it: install the plugin again");
}

Status TrustedLibrary::unchanged() const {
  struct stat now {};
  const bool there = stat(path_.c_str(), &now) == 0;
  if (there && same_file(now, status_)) return {};
  return plugin_error(fmt::format("{}: the file was {} while it was being checked",
                                  printable(path_.string()), there ? "changed" : "removed"),
                      "wait until the installation or build has ended, then try again");
}

}  // namespace flame
