#include "core/pipeline/diagnostic.h"

#include <fmt/core.h>

#include <algorithm>
#include <set>
#include <tuple>
#include <utility>

#include "core/base/terminal.h"
#include "core/base/utf8.h"

namespace flame {
namespace {

// Longer lines are shown in part, around the place.
constexpr size_t kShownColumns = 100;

std::string_view name_of(Severity severity) {
  return severity == Severity::kError ? "error" : "warning";
}

// The bytes of `count` characters from the start of the text.
size_t bytes_of(std::string_view text, size_t count) {
  size_t at = 0;
  while (at < text.size() && count > 0) {
    ++at;
    while (at < text.size() && (static_cast<unsigned char>(text[at]) & 0xc0) == 0x80) ++at;
    --count;
  }
  return at;
}

// One column for every character, so that the caret stands under its place.
std::string one_column_each(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool control = static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
    out += control ? '?' : c;
  }
  for (size_t at = find_invalid_utf8(out); at < out.size(); at = find_invalid_utf8(out))
    out[at] = '?';
  return printable(out);
}

struct Excerpt {
  std::string line;
  std::string marks;
};

Excerpt excerpt(std::string_view line, const TextPlace &place) {
  size_t first = 0;
  const size_t column = place.column - 1;
  const size_t total = count_characters(line);
  if (total > kShownColumns && column > kShownColumns / 2) first = column - kShownColumns / 2;
  const std::string_view rest = line.substr(bytes_of(line, first));
  const std::string_view part = rest.substr(0, bytes_of(rest, kShownColumns));
  const size_t before = column - first;
  const size_t room = std::max(kShownColumns, before + 1) - before;
  Excerpt result;
  result.line = (first > 0 ? "…" : "") + one_column_each(part) + (part < rest ? "…" : "");
  result.marks = std::string(before + (first > 0 ? 1 : 0), ' ') + "^" +
                 std::string(std::min(place.length, room) - 1, '~');
  return result;
}

std::string painted(std::string_view text, std::string_view code, bool colour) {
  return colour ? fmt::format("\x1b[{}m{}\x1b[0m", code, text) : std::string(text);
}

}  // namespace

Diagnostic &add_error(std::vector<Diagnostic> &diagnostics, std::string code,
                      const TextPlace &place, std::string message) {
  Diagnostic diagnostic;
  diagnostic.code = std::move(code);
  diagnostic.place = place;
  diagnostic.message = std::move(message);
  diagnostics.push_back(std::move(diagnostic));
  return diagnostics.back();
}

void tidy(std::vector<Diagnostic> &diagnostics) {
  std::set<std::pair<size_t, size_t>> unreadable;
  for (const Diagnostic &d : diagnostics) {
    if (d.code == "syntax") unreadable.emplace(d.place.source, d.place.line);
  }
  std::erase_if(diagnostics, [&](const Diagnostic &d) {
    return d.code != "syntax" && unreadable.contains({d.place.source, d.place.line});
  });
  const auto key = [](const Diagnostic &d) {
    return std::tie(d.place.source, d.place.line, d.place.column, d.message);
  };
  std::stable_sort(diagnostics.begin(), diagnostics.end(),
                   [&](const Diagnostic &a, const Diagnostic &b) { return key(a) < key(b); });
  const auto end =
      std::unique(diagnostics.begin(), diagnostics.end(),
                  [&](const Diagnostic &a, const Diagnostic &b) { return key(a) == key(b); });
  diagnostics.erase(end, diagnostics.end());
}

bool has_errors(const std::vector<Diagnostic> &diagnostics) {
  return std::any_of(diagnostics.begin(), diagnostics.end(),
                     [](const Diagnostic &d) { return d.severity == Severity::kError; });
}

std::string to_text(const Diagnostic &d, const std::vector<SourceText> &sources, bool colour) {
  const SourceText &source = sources[d.place.source];
  const bool error = d.severity == Severity::kError;
  const std::string place =
      fmt::format("{}:{}:{}:", printable(source.name()), d.place.line, d.place.column);
  std::string text = fmt::format(
      "{} {} {}\n", painted(place, "1", colour),
      painted(fmt::format("{}:", name_of(d.severity)), error ? "1;31" : "1;33", colour), d.message);
  const Excerpt shown = excerpt(source.line(d.place.line), d.place);
  text += fmt::format("{:>5} | {}\n      | {}", d.place.line, shown.line,
                      painted(shown.marks, error ? "31" : "33", colour));
  if (!d.expected.empty() && d.message.find(d.expected) == std::string::npos) {
    text += "\n  expected " + d.expected;
  }
  if (!d.suggestions.empty()) {
    text += fmt::format("\n  did you mean {}?", quoted_list(d.suggestions));
  }
  if (!d.hint.empty()) text += "\n  " + d.hint;
  if (!d.see.empty()) text += "\n  see: " + d.see;
  return text;
}

Json to_json(const Diagnostic &d, const std::vector<SourceText> &sources) {
  Json json;
  json.set("file", sources[d.place.source].name());
  json.set("line", static_cast<int64_t>(d.place.line));
  json.set("column", static_cast<int64_t>(d.place.column));
  json.set("length", static_cast<int64_t>(d.place.length));
  json.set("severity", name_of(d.severity));
  json.set("code", d.code);
  json.set("message", d.message);
  if (!d.expected.empty()) json.set("expected", d.expected);
  if (!d.suggestions.empty()) {
    json.set("suggestions", Json::Array(d.suggestions.begin(), d.suggestions.end()));
  }
  if (!d.hint.empty()) json.set("hint", d.hint);
  if (!d.see.empty()) json.set("see", d.see);
  return json;
}

std::string quoted_list(const std::vector<std::string> &names) {
  std::string text;
  for (size_t i = 0; i < names.size(); ++i) {
    text += fmt::format("{}'{}'", i == 0 ? "" : i + 1 == names.size() ? " or " : ", ", names[i]);
  }
  return text;
}

}  // namespace flame
