#include "core/base/file.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace flame {
namespace {

Error failure(const std::filesystem::path &path, const char *doing) {
  return storage_error(fmt::format("{}: cannot {}: {}", path.string(), doing, strerror(errno)));
}

// Removes the temporary file unless the rename took it away.
struct TemporaryFile {
  std::string path;
  ~TemporaryFile() {
    if (!path.empty()) unlink(path.c_str());
  }
};

}  // namespace

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

Status write_file_atomically(const std::filesystem::path &path, std::string_view content) {
  const std::filesystem::path folder = path.has_parent_path() ? path.parent_path() : ".";
  std::error_code ignored;  // if the folder cannot be made, opening the file says why
  std::filesystem::create_directories(folder, ignored);
  TemporaryFile temporary{path.string() + ".XXXXXX"};
  Descriptor file(mkostemp(temporary.path.data(), O_CLOEXEC));
  if (!file) {
    const Error error = failure(path, "create");
    temporary.path.clear();
    return error;
  }
  while (!content.empty()) {
    const ssize_t count = write(file.get(), content.data(), content.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return failure(path, "write");
    content.remove_prefix(static_cast<size_t>(count));
  }
  if (fchmod(file.get(), 0644) != 0 || fsync(file.get()) != 0) return failure(path, "write");
  if (rename(temporary.path.c_str(), path.c_str()) != 0) return failure(path, "rename to");
  temporary.path.clear();
  Descriptor directory(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory || fsync(directory.get()) != 0) return failure(folder, "flush the folder");
  return {};
}

}  // namespace flame
