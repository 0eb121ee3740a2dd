// libFuzzer's entry: any bytes as a pipeline file. What it looks for is a crash, a hang, or a file
// that is taken although something in it is wrong.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "core/pipeline/pipeline.h"
#include "tests/fixtures/sample_catalogue.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const flame::Catalogue catalogue = flame::test::sample_catalogue();
  const std::string text(reinterpret_cast<const char *>(data), size);
  const flame::CheckedPipeline checked = flame::check_pipeline({"fuzz.yaml", text, {}}, catalogue);
  if (checked.pipeline.has_value() == flame::has_errors(checked.diagnostics)) std::abort();
  for (const flame::Diagnostic &diagnostic : checked.diagnostics) {
    if (flame::to_text(diagnostic, checked.sources).empty()) std::abort();
  }
  return 0;
}
