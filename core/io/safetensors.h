// The files of weights that people have: a safetensors file, checked whole before a byte is used.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/base/file.h"
#include "core/io/stored_type.h"
#include "core/tensor/host_tensor.h"

namespace flame {

// A tensor as the header names it.
struct StoredTensor {
  std::string name;
  const StoredType *type = nullptr;
  Shape shape;
  uint64_t offset = 0;  // of its first byte, behind the header
  uint64_t size_bytes = 0;

  // "F16[320, 4, 3, 3]"
  std::string type_text() const;
};

using FileMetadata = std::vector<std::pair<std::string, std::string>>;

struct SafetensorsHeader {
  FileMetadata metadata;              // in the header's order
  std::vector<StoredTensor> tensors;  // in the order of their data
};

inline constexpr uint64_t kMaxHeaderBytes = 100'000'000;

// Every rule of the format: `text` is the JSON that stands between the eight bytes of its length
// and `data_bytes` bytes of data. Errors (kBadConfig) name the file, the tensor and the rule.
Result<SafetensorsHeader> parse_safetensors_header(std::string_view text, uint64_t data_bytes,
                                                   std::string_view file_name);

// An open file whose header keeps every rule. Data is read with pread: a file that shrinks is an
// error and no signal. [any thread]
class SafetensorsFile {
 public:
  // Errors: kStorage if it cannot be read, kBadConfig if it is no right safetensors file; a pickle
  // is refused with the way to convert it.
  static Result<SafetensorsFile> open(const std::filesystem::path &path);

  const std::filesystem::path &path() const { return path_; }
  uint64_t size_bytes() const { return data_start_ + data_bytes_; }
  const FileMetadata &metadata() const { return header_.metadata; }
  // Null if there is none of that key.
  const std::string *find_metadata(std::string_view key) const;
  const std::vector<StoredTensor> &tensors() const { return header_.tensors; }
  // Null if there is none of that name.
  const StoredTensor *find(std::string_view name) const;

  // Fills `to` with the tensor's bytes from `first_byte` on; they lie inside of it.
  Status read(const StoredTensor &tensor, uint64_t first_byte, std::span<std::byte> to) const;
  // The whole tensor. Error (kBadConfig): a type that is not computed with.
  Result<HostTensor> read(const StoredTensor &tensor) const;

 private:
  SafetensorsFile(std::filesystem::path path, Descriptor file, uint64_t data_start,
                  uint64_t data_bytes, SafetensorsHeader header);

  std::filesystem::path path_;
  Descriptor file_;
  uint64_t data_start_ = 0;
  uint64_t data_bytes_ = 0;
  SafetensorsHeader header_;
  std::unordered_map<std::string_view, size_t> places_;  // keys lie in header_
};

// True if files of this name or these first bytes hold pickled Python objects.
bool is_pickle(const std::filesystem::path &path, std::string_view first_bytes);

}  // namespace flame
