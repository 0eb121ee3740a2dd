// libFuzzer's entry: any bytes as the header of a safetensors file. What it looks for is a crash, a
// hang, or a header that is taken although its tensors do not fill the data.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "core/io/safetensors.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size == 0) return 0;
  // The first byte says how much data stands behind the header.
  const uint64_t data_bytes = data[0];
  const std::string_view text(reinterpret_cast<const char *>(data + 1), size - 1);
  const auto header = flame::parse_safetensors_header(text, data_bytes, "fuzz.safetensors");
  if (!header.ok()) {
    if (header.error().what.empty()) std::abort();
    return 0;
  }
  uint64_t end = 0;
  for (const flame::StoredTensor &tensor : header->tensors) {
    if (tensor.offset != end) std::abort();
    end += tensor.size_bytes;
  }
  if (end != data_bytes) std::abort();
  return 0;
}
