// From the place where a YAML reader gave up to what the author most likely did wrong.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "core/io/yaml_reader.h"

namespace flame {

struct SyntaxFailure {
  const SourceText *source = nullptr;
  size_t offset = 0;       // where the reader gave up
  std::string_view words;  // the library's own
  size_t last = 0;         // the last offset that was understood
  // The columns, from 0, at which keys or list items may stand, outermost first.
  std::vector<size_t> columns;
  // Where the innermost open '{' or '[' stands, if one is.
  std::optional<size_t> bracket;
};

YamlProblem explain(const SyntaxFailure &failure);

// The quote at `offset` of `text` ends at the offset that is returned, or nowhere: npos.
size_t end_of_quote(std::string_view text, size_t offset);

// True if the line, from its first character on, starts like "key: …" or "key:".
bool starts_with_key(std::string_view line);

}  // namespace flame
