// SHA-256 (FIPS 180-4) of data that comes in pieces.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace exporters {

class Sha256 {
 public:
  void add(std::string_view bytes);
  // 64 lower-case hexadecimal digits. Nothing may be added after it.
  std::string finish();

 private:
  void add_block(const unsigned char *block);

  std::array<uint32_t, 8> state_ = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                    0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  std::array<unsigned char, 64> rest_{};
  size_t rest_size_ = 0;
  uint64_t size_ = 0;
};

}  // namespace exporters
