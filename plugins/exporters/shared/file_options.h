// The options that the exporters of weights have in common.
#pragma once

#include <string>

#include "plugins/exporters/shared/safetensors.h"

namespace exporters {

struct FileOptions {
  std::string path;
  std::string precision = "f16";

  flame_dtype dtype() const { return dtype_of(precision); }

  // `about_precision` is what is said of the type.
  void describe(flame::OptionTable &table, std::string_view about_precision) {
    table.path("path", path, "The file to write.").required();
    table.choice("precision", precision, {"f16", "bf16", "f32"}, about_precision)
        .alias("save_precision");
  }
};

}  // namespace exporters
