// Writes a safetensors file: the same tensors and metadata give the same bytes.
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "core/base/file.h"
#include "core/io/safetensors.h"

namespace flame {

struct TensorToWrite {
  std::string name;
  TensorType type;
};

// The file gets its name with commit(); what ends before leaves nothing behind. One thread.
class SafetensorsWriter {
 public:
  // Errors: kStorage, or kFailed for names that are empty, given twice or not UTF-8.
  static Result<SafetensorsWriter> create(const std::filesystem::path &path,
                                          std::vector<TensorToWrite> tensors,
                                          FileMetadata metadata);

  // In the order in which their data is written: large elements first, then by name.
  const std::vector<StoredTensor> &tensors() const { return tensors_; }

  // The next bytes of the data, in pieces of any size.
  Status write(std::span<const std::byte> bytes);
  // Once, when all data is written; asserts that it is.
  Status commit(Flush flush = Flush::kNow);

 private:
  SafetensorsWriter(AtomicFile file, std::vector<StoredTensor> tensors, uint64_t data_bytes);

  AtomicFile file_;
  std::vector<StoredTensor> tensors_;
  uint64_t data_bytes_ = 0;
  uint64_t written_bytes_ = 0;
};

// All at once, for small files.
Status write_safetensors(const std::filesystem::path &path, const TensorMap &tensors,
                         FileMetadata metadata, Flush flush = Flush::kNow);

}  // namespace flame
