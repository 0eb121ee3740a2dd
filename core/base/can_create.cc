#include "core/base/can_create.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "core/base/file.h"

namespace flame {
namespace {

constexpr const char *kTryName = ".flamehost.XXXXXX";

}  // namespace

Status can_create(const std::filesystem::path &path) {
  std::filesystem::path folder = std::filesystem::absolute(path).parent_path();
  struct stat status {};
  while (stat(folder.c_str(), &status) != 0 && errno == ENOENT && folder.has_relative_path())
    folder = folder.parent_path();
  std::string name = (folder / kTryName).string();
  const Descriptor file(mkostemp(name.data(), O_CLOEXEC));
  if (!file) return file_error(path, "create", errno);
  unlink(name.c_str());
  return {};
}

}  // namespace flame
