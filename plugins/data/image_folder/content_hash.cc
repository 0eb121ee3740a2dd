#include "plugins/data/image_folder/content_hash.h"

#include <openssl/evp.h>

#include "flame/error.hpp"

namespace image_folder {

std::string sha256_of(std::string_view bytes) {
  unsigned char digest[32];
  unsigned size = 0;
  if (EVP_Digest(bytes.data(), bytes.size(), digest, &size, EVP_sha256(), nullptr) != 1)
    throw flame::failed("OpenSSL gives no SHA-256");
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out;
  for (const unsigned char byte : digest) {
    out += kDigits[byte >> 4];
    out += kDigits[byte & 15];
  }
  return out;
}

}  // namespace image_folder
