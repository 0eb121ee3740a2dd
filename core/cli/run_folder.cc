#include "core/cli/run_folder.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>

#include "core/base/terminal.h"

namespace flame::cli {
namespace {

namespace fs = std::filesystem;

// Says who has the lock, for people alone: the number may be old where nobody has it.
Status write_owner(const fs::path &file, int descriptor) {
  const std::string text = fmt::format("{}\n", getpid());
  if (ftruncate(descriptor, 0) == 0 &&
      pwrite(descriptor, text.data(), text.size(), 0) == static_cast<ssize_t>(text.size()))
    return {};
  return file_error(file, "write", errno);
}

Error in_use(const fs::path &folder, int descriptor) {
  char digits[32] = {};
  std::string owner = "another process";
  if (pread(descriptor, digits, sizeof digits - 1, 0) > 0 && atoi(digits) > 0)
    owner = fmt::format("the process {}", atoi(digits));
  return config_error(
      fmt::format("the run '{}' is in use by {}", printable(folder.filename().string()), owner),
      "wait for its end, or give this one another name with --set run=NAME");
}

}  // namespace

Result<RunFolder> RunFolder::open(const std::string &run) {
  fs::path folder = fs::path("runs") / run;
  std::error_code problem;
  fs::create_directories(folder, problem);
  if (problem) return file_error(folder, "make the folder", problem.value());
  const fs::path file = folder / "lock";
  Descriptor lock(::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644));
  if (!lock) return file_error(file, "open", errno);
  if (flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) return in_use(folder, lock.get());
    return file_error(file, "lock", errno);
  }
  FLAME_TRY(write_owner(file, lock.get()));
  return RunFolder(std::move(folder), std::move(lock));
}

}  // namespace flame::cli
