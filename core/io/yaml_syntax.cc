#include "core/io/yaml_syntax.h"

#include <fmt/core.h>

#include <algorithm>

#include "core/base/terminal.h"

namespace flame {
namespace {

constexpr size_t kNowhere = std::string_view::npos;

bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '-' || c == '.';
}

size_t word_length(std::string_view text) {
  size_t length = 0;
  while (length < text.size() && is_word(text[length])) ++length;
  return length;
}

// What the library says, in words that say what to do. The first entry that fits counts.
struct Reason {
  std::string_view words;
  std::string_view what;
  std::string_view hint;
};
constexpr Reason kReasons[] = {
    {"illegal map value", "a ':' where no value can stand", "put text that holds ': ' in quotes"},
    {"illegal map key", "a key where none can stand", "put text that starts with '? ' in quotes"},
    {"illegal block entry", "a list item '- ' where none can stand",
     "start the list in a line of its own, or write [a, b]"},
    {"illegal flow end", "a bracket that closes nothing", "remove it, or open it before"},
    {"unknown token", "a character that cannot start a value", "put the text in quotes"},
    {"unknown escape character", "an escape that does not exist",
     "write \\\\ for a backslash, or use single quotes"},
    {"bad character found while scanning hex", "an escape that is not hexadecimal",
     "write \\\\ for a backslash, or use single quotes"},
    {"invalid unicode", "an escape of a character that does not exist",
     "write the character itself"},
    {"illegal EOF in scalar", "a quote that is never closed", "close it"},
    {"the referenced anchor is not defined", "an alias '*…' of nothing: no '&…' stands before it",
     "put text that starts with '*' in quotes"},
    {"alias not found after *", "a '*' without a name", "put text that starts with '*' in quotes"},
    {"anchor not found after &", "a '&' without a name", "put text that starts with '&' in quotes"},
    {"cannot assign multiple", "two anchors or tags for one value", "keep one"},
    {"aliases can't have any content", "an alias with an anchor or tag", "write the alias alone"},
    {"tag", "a tag that is not whole", "put text that starts with '!' in quotes"},
    {"block scalar", "a block of text that cannot be read", "indent its lines alike, by blanks"},
    {"end of map not found", "this is no 'key: value'", "write a key, ':' and a blank"},
    {"end of sequence not found", "this is no list item", "start the item with '- '"},
};

class Explainer {
 public:
  explicit Explainer(const SyntaxFailure &failure)
      : failure_(failure), source_(*failure.source), text_(failure.source->text()) {
    offset_ = std::min(failure.offset, text_.size());
    // At the end of a line or of the text, what stands before it is meant.
    at_end_ = text_.find_first_not_of(" \r\n", offset_) == kNowhere;
    while (offset_ > 0 && (offset_ == text_.size() || ends_line(text_[offset_]) ||
                           (at_end_ && text_[offset_] == ' '))) {
      --offset_;
    }
    line_ = source_.line_of(offset_);
    first_line_ = std::min(source_.line_of(failure.last), line_);
  }

  YamlProblem explain() const {
    for (const auto &look : {&Explainer::bracket, &Explainer::quote, &Explainer::blank_after_colon,
                             &Explainer::colon, &Explainer::indentation}) {
      if (auto found = (this->*look)()) return *std::move(found);
    }
    return in_other_words();
  }

 private:
  static bool ends_line(char c) { return c == '\n' || c == '\r'; }
  bool said(std::string_view words) const { return failure_.words.find(words) != kNowhere; }

  YamlProblem problem(size_t offset, size_t size, std::string what, std::string hint) const {
    return {source_.place(offset, size), std::move(what), std::move(hint)};
  }

  // The innermost bracket that is open where the reader gave up. The library reads ahead of its
  // events, so that what stands between the two is looked through here.
  std::optional<size_t> open_bracket() const {
    std::vector<size_t> open;
    for (size_t at = failure_.bracket.value_or(failure_.last); at < offset_; ++at) {
      const size_t before = at == 0 ? kNowhere : text_.find_last_not_of(" \r\n", at - 1);
      const bool starts_value =
          before == kNowhere || std::string_view(":-,[{").find(text_[before]) != kNowhere;
      if (starts_value && (text_[at] == '"' || text_[at] == '\'')) {
        at = end_of_quote(text_, at);
        if (at == kNowhere) break;
      } else if ((text_[at] == '{' || text_[at] == '[') && (starts_value || !open.empty())) {
        open.push_back(at);
      } else if ((text_[at] == '}' || text_[at] == ']') && !open.empty()) {
        open.pop_back();
      }
    }
    if (open.empty()) return failure_.bracket;
    return open.back();
  }

  std::optional<YamlProblem> bracket() const {
    const std::optional<size_t> found = open_bracket();
    if (!found) return std::nullopt;
    const size_t open = *found;
    const size_t innermost = failure_.columns.empty() ? 0 : failure_.columns.back();
    const size_t blanks = source_.indentation(line_);
    const bool left = line_ > source_.line_of(open) && blanks != kNowhere && blanks <= innermost;
    const char closing = text_[open] == '{' ? '}' : ']';
    if (at_end_ || (left && text_[offset_] != closing)) {
      return problem(open, 1, fmt::format("this '{}' is never closed", text_[open]),
                     fmt::format("write '{}' behind its last value", closing));
    }
    if (text_[offset_] == '}' || text_[offset_] == ']') {
      return problem(offset_, 1, fmt::format("'{}' where '{}' must stand", text_[offset_], closing),
                     fmt::format("'{}' was opened in line {}", text_[open], source_.line_of(open)));
    }
    if (!said("flow not found")) return std::nullopt;
    size_t word = offset_;
    while (text_[word] == ':' && word > open && is_word(text_[word - 1])) {
      while (word > open && is_word(text_[word - 1])) --word;
    }
    const size_t length = std::max<size_t>(word_length(text_.substr(word)), 1);
    return problem(
        word, length,
        fmt::format("a ',' is missing before '{}'", printable(text_.substr(word, length))),
        "values in brackets are separated by ', '; put text that holds ': ' in quotes");
  }

  std::optional<YamlProblem> quote() const {
    if (!said("in scalar")) return std::nullopt;
    for (size_t at = failure_.last; at < text_.size(); ++at) {
      const bool starts = at == 0 || text_.substr(at - 1, 1).find_first_of(" \n[{,:") == 0;
      if (!starts || (text_[at] != '"' && text_[at] != '\'')) continue;
      const size_t end = end_of_quote(text_, at);
      if (end == kNowhere) return problem(at, 1, "this quote is never closed", "close it");
      at = end;
    }
    return std::nullopt;
  }

  // "key:value" is one word of text, which then swallows the lines below it.
  std::optional<YamlProblem> blank_after_colon() const {
    if (!said("map")) return std::nullopt;
    for (size_t number = first_line_; number <= line_; ++number) {
      const size_t blanks = source_.indentation(number);
      if (blanks == kNowhere) continue;
      const std::string_view line = source_.line(number);
      const size_t dash = line.substr(blanks).starts_with("- ") ? 2 : 0;
      const size_t colon = blanks + dash + word_length(line.substr(blanks + dash));
      const bool glued = colon > blanks + dash && colon + 1 < line.size() && line[colon] == ':' &&
                         line[colon + 1] != ' ' && line[colon + 1] != '/' &&
                         line[colon + 1] != '\\';
      if (!glued) continue;
      return problem(
          source_.line_start(number) + colon + 1, 1, "a blank is missing behind ':'",
          fmt::format("write '{}: '", line.substr(blanks + dash, colon - blanks - dash)));
    }
    return std::nullopt;
  }

  // A line among keys that has no ':' at all: the failure is seen there or in the line below.
  std::optional<YamlProblem> colon() const {
    if (failure_.bracket || !said("map")) return std::nullopt;
    size_t above = line_ - 1;
    while (above > first_line_ && source_.indentation(above) == kNowhere) --above;
    for (const size_t number : {line_, above}) {
      const size_t blanks = number > first_line_ ? source_.indentation(number) : kNowhere;
      if (blanks == kNowhere || !is_column(blanks)) continue;
      const std::string_view line = source_.line(number).substr(blanks);
      if (line.find(':') != kNowhere || line.starts_with("-")) continue;
      return problem(source_.line_start(number) + blanks, word_length(line),
                     "a ':' is missing in this line", "write 'key: value'");
    }
    return std::nullopt;
  }

  bool is_column(size_t column) const {
    return std::find(failure_.columns.begin(), failure_.columns.end(), column) !=
           failure_.columns.end();
  }

  std::optional<YamlProblem> indentation() const {
    const size_t blanks = source_.indentation(line_);
    if (failure_.bracket || blanks == kNowhere || is_column(blanks) || failure_.columns.empty()) {
      return std::nullopt;
    }
    std::string columns;
    for (const size_t column : failure_.columns) {
      columns += fmt::format("{}{}", columns.empty() ? "" : " or ", column + 1);
    }
    const size_t length = std::max<size_t>(word_length(source_.line(line_).substr(blanks)), 1);
    return problem(
        source_.line_start(line_) + blanks, length,
        fmt::format("this line starts in column {}, where nothing above it starts", blanks + 1),
        fmt::format("start it in column {}, or indent the lines above it alike", columns));
  }

  YamlProblem in_other_words() const {
    const bool escape = said("escape") || said("hex number") || said("invalid unicode");
    const size_t backslash = escape ? text_.rfind('\\', offset_) : kNowhere;
    const size_t at = backslash == kNowhere ? offset_ : backslash;
    for (const Reason &reason : kReasons) {
      if (!said(reason.words)) continue;
      return problem(at, 1, std::string(reason.what), std::string(reason.hint));
    }
    return problem(offset_, 1, fmt::format("not YAML: {}", printable(failure_.words)),
                   "put text with special characters in quotes");
  }

  const SyntaxFailure &failure_;
  const SourceText &source_;
  std::string_view text_;
  size_t offset_ = 0;
  bool at_end_ = false;
  size_t line_ = 1;
  size_t first_line_ = 1;
};

}  // namespace

YamlProblem explain(const SyntaxFailure &failure) {
  return Explainer(failure).explain();
}

size_t end_of_quote(std::string_view text, size_t offset) {
  const char quote = text[offset];
  for (size_t at = offset + 1; at < text.size(); ++at) {
    if (quote == '"' && text[at] == '\\') {
      ++at;
    } else if (text[at] == quote) {
      if (quote == '"' || at + 1 >= text.size() || text[at + 1] != '\'') return at;
      ++at;  // '' is a quote within
    }
  }
  return kNowhere;
}

bool starts_with_key(std::string_view line) {
  const size_t length = word_length(line);
  return length > 0 && length < line.size() && line[length] == ':' &&
         (length + 1 == line.size() || line[length + 1] == ' ');
}

}  // namespace flame
