#include "core/base/file.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "core/base/terminal.h"

namespace flame {
namespace {

constexpr const char *kTemporaryEnding = ".XXXXXX";
constexpr int kMostAttempts = 100;

Error failure(const std::filesystem::path &path, const char *doing) {
  return file_error(path, doing, errno);
}

const char *hint_for(int code) {
  switch (code) {
    case ENOSPC:
      return "the disk is full: make room, or write to another one";
    case EDQUOT:
      return "the disk quota is used up: make room, or write to another disk";
    case EFBIG:
      return "a file may not be that large here: raise 'ulimit -f', or take another file system";
    case EACCES:
    case EPERM:
    case EROFS:
      return "take a folder that you may use";
    case ENOENT:
      return "correct the path";
    case ENOTDIR:
      return "correct the path: a part of it is no folder";
    default:
      return "";
  }
}

std::filesystem::path folder_of(const std::filesystem::path &path) {
  return path.has_parent_path() ? path.parent_path() : ".";
}

}  // namespace

Error file_error(const std::filesystem::path &path, std::string_view doing, int code) {
  return storage_error(
      fmt::format("{}: cannot {}: {}", printable(path.string()), doing, strerror(code)),
      hint_for(code));
}

void Descriptor::reset(int value) {
  if (value_ >= 0) close(value_);
  value_ = value;
}

Result<Descriptor> open_regular_file(const std::filesystem::path &path) {
  Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!file) return failure(path, "open");
  struct stat status {};
  if (fstat(file.get(), &status) != 0) return failure(path, "look at");
  if (!S_ISREG(status.st_mode)) {
    return storage_error(fmt::format("{}: not a regular file{}", path.string(),
                                     S_ISDIR(status.st_mode) ? " but a folder" : ""));
  }
  return file;
}

Result<std::string> read_file(const std::filesystem::path &path, size_t max_bytes) {
  FLAME_ASSIGN(Descriptor file, open_regular_file(path));
  std::string content;
  char block[1 << 16];
  for (;;) {
    const ssize_t count = read(file.get(), block, sizeof block);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return failure(path, "read");
    if (count == 0) return content;
    content.append(block, static_cast<size_t>(count));
    if (content.size() > max_bytes) {
      return storage_error(
          fmt::format("{}: larger than the {} bytes allowed here", path.string(), max_bytes));
    }
  }
}

AtomicFile::AtomicFile(std::filesystem::path path, std::string temporary, Descriptor file)
    : path_(std::move(path)), temporary_(std::move(temporary)), file_(std::move(file)) {}

AtomicFile::AtomicFile(AtomicFile &&other) noexcept
    : path_(std::move(other.path_)),
      temporary_(std::exchange(other.temporary_, {})),
      file_(std::move(other.file_)) {}

AtomicFile::~AtomicFile() {
  if (!temporary_.empty()) unlink(temporary_.c_str());
}

Result<AtomicFile> AtomicFile::create(const std::filesystem::path &path) {
  std::error_code ignored;  // if the folder cannot be made, opening the file says why
  std::filesystem::create_directories(folder_of(path), ignored);
  // What names it later.
  if (access("/proc/self/fd", X_OK) == 0) {
    Descriptor unnamed(open(folder_of(path).c_str(), O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600));
    if (unnamed) return AtomicFile(path, {}, std::move(unnamed));
  }
  std::string temporary = path.string() + kTemporaryEnding;
  Descriptor file(mkostemp(temporary.data(), O_CLOEXEC));
  if (!file) return failure(path, "create");
  return AtomicFile(path, std::move(temporary), std::move(file));
}

// A file without a name cannot take that of another at once: it gets one beside it first.
Status AtomicFile::name_it() {
  const std::string file = fmt::format("/proc/self/fd/{}", file_.get());
  for (int attempt = 0; attempt < kMostAttempts; ++attempt) {
    std::string name = path_.string() + kTemporaryEnding;
    const Descriptor reserved(mkostemp(name.data(), O_CLOEXEC));
    if (!reserved) break;
    unlink(name.c_str());
    if (linkat(AT_FDCWD, file.c_str(), AT_FDCWD, name.c_str(), AT_SYMLINK_FOLLOW) == 0) {
      temporary_ = std::move(name);
      return {};
    }
    if (errno != EEXIST) break;
  }
  return failure(path_, "name");
}

Status AtomicFile::write(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(file_.get(), bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return failure(path_, "write");
    bytes.remove_prefix(static_cast<size_t>(count));
  }
  return {};
}

Status AtomicFile::commit(Flush flush) {
  if (fchmod(file_.get(), 0644) != 0) return failure(path_, "write");
  if (flush == Flush::kNow && fsync(file_.get()) != 0) return failure(path_, "write");
  if (temporary_.empty()) FLAME_TRY(name_it());
  return rename_file(std::exchange(temporary_, {}), path_, flush);
}

Status rename_file(const std::filesystem::path &from, const std::filesystem::path &to,
                   Flush flush) {
  if (rename(from.c_str(), to.c_str()) != 0) {
    const Status status = failure(to, "rename to");
    unlink(from.c_str());
    return status;
  }
  if (flush == Flush::kLater) return {};
  return flush_folder(folder_of(to));
}

Status flush_folder(const std::filesystem::path &folder) {
  Descriptor directory(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory || fsync(directory.get()) != 0) return failure(folder, "flush the folder");
  return {};
}

Status write_file_atomically(const std::filesystem::path &path, std::string_view content) {
  FLAME_ASSIGN(AtomicFile file, AtomicFile::create(path));
  FLAME_TRY(file.write(content));
  return file.commit();
}

}  // namespace flame
