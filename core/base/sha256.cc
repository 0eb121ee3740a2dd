#include "core/base/sha256.h"

#include <fmt/core.h>
#include <openssl/evp.h>
#include <sys/types.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <vector>

#include "core/base/file.h"

namespace flame {
namespace {

class Hasher {
 public:
  Hasher() : context_(EVP_MD_CTX_new(), EVP_MD_CTX_free) {
    EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr);
  }
  void add(const void *data, size_t size) { EVP_DigestUpdate(context_.get(), data, size); }
  std::string finish() {
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    EVP_DigestFinal_ex(context_.get(), digest, &size);
    static constexpr char kDigits[] = "0123456789abcdef";
    std::string text;
    for (unsigned i = 0; i < size; ++i) {
      text += kDigits[digest[i] >> 4];
      text += kDigits[digest[i] & 15];
    }
    return text;
  }

 private:
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context_;
};

}  // namespace

std::string sha256(std::string_view bytes) {
  Hasher hasher;
  hasher.add(bytes.data(), bytes.size());
  return hasher.finish();
}

Result<std::string> sha256_of_descriptor(int descriptor, std::string_view name) {
  Hasher hasher;
  std::vector<char> block(1 << 16);
  for (off_t offset = 0;;) {
    const ssize_t count = pread(descriptor, block.data(), block.size(), offset);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return storage_error(fmt::format("{}: cannot read: {}", name, strerror(errno)));
    if (count == 0) return hasher.finish();
    hasher.add(block.data(), static_cast<size_t>(count));
    offset += count;
  }
}

Result<std::string> sha256_of_file(const std::string &path) {
  FLAME_ASSIGN(Descriptor file, open_regular_file(path));
  return sha256_of_descriptor(file.get(), path);
}

}  // namespace flame
