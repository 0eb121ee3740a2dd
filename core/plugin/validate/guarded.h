// Memory that ends where the process may not read on: who looks past the end is stopped at once.
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>
#include <vector>

#include "flame/abi.h"

namespace flame {

// Owns `size` bytes, filled with 0xA5, whose end is the end of the last page that may be touched.
class GuardedBlock {
 public:
  explicit GuardedBlock(size_t size);
  ~GuardedBlock();
  GuardedBlock(const GuardedBlock &) = delete;
  GuardedBlock &operator=(const GuardedBlock &) = delete;

  unsigned char *data() const { return data_; }
  size_t size() const { return size_; }

 private:
  void *pages_ = nullptr;
  size_t mapped_bytes_ = 0;
  unsigned char *data_ = nullptr;
  size_t size_ = 0;
};

// A struct of the contract as a host of another age would hand it over: `size` bytes of T, the rest
// of a longer one filled with 0xA5. T begins with struct_size.
template <typename T>
class SizedStruct {
 public:
  explicit SizedStruct(T value, size_t size = sizeof(T)) : block_(size) {
    value.struct_size = static_cast<uint32_t>(size);
    __builtin_memcpy(block_.data(), &value, size < sizeof(T) ? size : sizeof(T));
  }
  T *get() const { return reinterpret_cast<T *>(block_.data()); }

  // True if nothing was written behind the first `size` bytes.
  bool untouched_from(size_t size) const {
    for (size_t i = size; i < block_.size(); ++i) {
      if (block_.data()[i] != 0xA5) return false;
    }
    return true;
  }

 private:
  GuardedBlock block_;
};

// Copies of texts, each without NUL at the end of its page.
class GuardedTexts {
 public:
  flame_str add(std::string_view text);

 private:
  std::vector<std::unique_ptr<GuardedBlock>> blocks_;
};

}  // namespace flame
