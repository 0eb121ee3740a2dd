// What the bytes of a YAML text must keep to, before its structure is looked at.
#pragma once

#include <string>
#include <vector>

#include "core/io/yaml_reader.h"

namespace flame {

struct YamlText {
  // The same length as the source: what must not be there is replaced by blanks, so that offsets
  // hold and the reading can go on.
  std::string cleaned;
  size_t start = 0;       // behind a byte order mark
  bool readable = false;  // false: there is no sense in going on
  std::vector<YamlProblem> problems;
};

// Looks for wrong encodings, tabs, control characters, directives and texts over the limits.
YamlText check_yaml_text(const SourceText &source, const YamlLimits &limits);

}  // namespace flame
