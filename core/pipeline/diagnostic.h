// What is wrong in a pipeline file, shown where it stands.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/base/json.h"
#include "core/io/source_text.h"

namespace flame {

enum class Severity {
  kError,
  kWarning,
};

struct Diagnostic {
  Severity severity = Severity::kError;
  // A word for programs, which does not change: "syntax", "unknown-key", "bad-value",
  // "missing-key", "unknown-component", "ambiguous-component", "bad-pin", "bad-override",
  // "deprecated".
  std::string code;
  TextPlace place;
  std::string message;                   // what is wrong
  std::string expected;                  // what could stand there; may be empty
  std::vector<std::string> suggestions;  // the names that were meant, the likeliest first
  std::string hint;                      // what to do; may be empty
  std::string see;                       // a command that shows more; may be empty
};

// Appends an error. The reference is good until the next is appended.
Diagnostic &add_error(std::vector<Diagnostic> &diagnostics, std::string code,
                      const TextPlace &place, std::string message);

// Sorts by place and drops what stands there twice, and what was said of a line that could not be
// read at all.
void tidy(std::vector<Diagnostic> &diagnostics);

bool has_errors(const std::vector<Diagnostic> &diagnostics);

// "pipeline.yaml:14:7: error: …", the line with a caret under the place, and what to do, without a
// line end behind. `sources` are the texts by their numbers. No control character of theirs is
// written.
std::string to_text(const Diagnostic &diagnostic, const std::vector<SourceText> &sources,
                    bool colour = false);
Json to_json(const Diagnostic &diagnostic, const std::vector<SourceText> &sources);

// "'a', 'b' or 'c'".
std::string quoted_list(const std::vector<std::string> &names);

}  // namespace flame
