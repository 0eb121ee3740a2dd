// libFuzzer's entry: any bytes as JSON. What it looks for is a crash, a hang, or a value that is not the
// same once it was written and read again.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "core/base/json.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  const std::string_view text(reinterpret_cast<const char *>(data), size);
  const flame::Result<flame::Json> read = flame::parse_json(text, "fuzz.json");
  if (!read.ok()) {
    if (read.error().what.empty()) std::abort();
    return 0;
  }
  const std::string written = read->dump();
  const flame::Result<flame::Json> again = flame::parse_json(written, "again.json");
  if (!again.ok() || again->dump() != written) std::abort();
  return 0;
}
