#include "core/io/yaml_text.h"

#include <fmt/core.h>

#include "core/base/utf8.h"

namespace flame {
namespace {

// Beyond this the text is no pipeline file with slips in it but something else.
constexpr size_t kMaxProblems = 20;

class TextChecker {
 public:
  TextChecker(const SourceText &source, const YamlLimits &limits)
      : source_(source), limits_(limits) {
    result_.cleaned = source.text();
  }

  YamlText check() {
    if (!check_size() || !check_mark()) return std::move(result_);
    check_encoding();
    for (size_t line = 1; line <= source_.line_count() && !full(); ++line) check_line(line);
    check_directives();
    result_.readable = !full();
    return std::move(result_);
  }

 private:
  bool full() const { return result_.problems.size() >= kMaxProblems; }

  void problem(size_t offset, size_t size, std::string what, std::string hint) {
    result_.problems.push_back({source_.place(offset, size), std::move(what), std::move(hint)});
  }

  void blank(size_t offset, size_t size) { result_.cleaned.replace(offset, size, size, ' '); }

  bool check_size() {
    const size_t bytes = source_.text().size();
    if (bytes > limits_.max_bytes) {
      problem(0, 1, fmt::format("{} bytes; at most {} are read", bytes, limits_.max_bytes),
              "a pipeline file holds options; keep data in files of their own");
    } else if (source_.line_count() > limits_.max_lines) {
      problem(source_.line_start(limits_.max_lines + 1), 1,
              fmt::format("{} lines; at most {} are read", source_.line_count(), limits_.max_lines),
              "a pipeline file holds options; keep data in files of their own");
    }
    return result_.problems.empty();
  }

  bool check_mark() {
    const std::string_view text = source_.text();
    if (text.starts_with("\xff\xfe") || text.starts_with("\xfe\xff")) {
      problem(0, 1, "the text is UTF-16", "save the file as UTF-8");
      return false;
    }
    if (text.starts_with("\xef\xbb\xbf")) {
      problem(0, 1, "the text starts with a byte order mark",
              "save the file as UTF-8 without a mark (BOM)");
      result_.start = 3;
    }
    return true;
  }

  void check_encoding() {
    std::string &text = result_.cleaned;
    size_t from = 0;
    size_t last_line = 0;
    while (!full()) {
      const size_t bad = find_invalid_utf8(std::string_view(text).substr(from));
      if (bad == std::string_view::npos) return;
      from += bad;
      const size_t line = source_.line_of(from);
      if (line != last_line) {
        const auto byte = static_cast<unsigned char>(text[from]);
        problem(from, 1, fmt::format("the byte {:#04x} is not UTF-8", byte),
                "save the file as UTF-8");
      }
      last_line = line;
      text[from++] = ' ';
    }
  }

  void check_line(size_t number) {
    const size_t start = source_.line_start(number);
    const std::string_view line = source_.line(number);
    if (line.size() > limits_.max_line_bytes) {
      problem(start, 1,
              fmt::format("a line of {} bytes; at most {} are read", line.size(),
                          limits_.max_line_bytes),
              "break the line");
      blank(start, line.size());
      return;
    }
    check_brackets(line, start);
    bool tab_said = false;
    for (size_t i = 0; i < line.size() && !full(); ++i) {
      if (line[i] == '\t') {
        if (!tab_said) problem(start + i, 1, "a tab", "use blanks; in quotes a tab is written \\t");
        tab_said = true;
        blank(start + i, 1);
      } else {
        check_character(line, start, i);
      }
    }
  }

  // The library looks ahead for the end of every bracket before it reports the first.
  void check_brackets(std::string_view line, size_t start) {
    size_t depth = 0;
    for (size_t i = 0; i < line.size(); ++i) {
      if (line[i] == '[' || line[i] == '{') ++depth;
      if ((line[i] == ']' || line[i] == '}') && depth > 0) --depth;
      if (depth <= limits_.max_depth) continue;
      problem(start + i, 1, fmt::format("deeper than {} levels", limits_.max_depth),
              "no section needs more than a few");
      blank(start, line.size());
      return;
    }
  }

  void check_character(std::string_view line, size_t start, size_t at) {
    const auto byte = [&](size_t i) -> unsigned {
      return i < line.size() ? static_cast<unsigned char>(line[i]) : 0;
    };
    const bool c0 = byte(at) < 0x20 || byte(at) == 0x7f;
    const bool c1 = byte(at) == 0xc2 && byte(at + 1) >= 0x80 && byte(at + 1) < 0xa0;
    const bool mark = byte(at) == 0xef && byte(at + 1) == 0xbb && byte(at + 2) == 0xbf;
    if (line[at] == '\r') {
      problem(start + at, 1, "a carriage return without a line feed",
              "end lines with LF or with CR LF");
      blank(start + at, 1);
    } else if (c0 || c1) {
      problem(start + at, 1,
              fmt::format("the control character U+{:04X}", c1 ? byte(at + 1) : byte(at)),
              "remove it; in quotes it can be written \\x" +
                  fmt::format("{:02x}", c1 ? byte(at + 1) : byte(at)));
      blank(start + at, c1 ? 2 : 1);
    } else if (mark && start + at >= result_.start) {
      problem(start + at, 1, "a byte order mark inside the text", "remove it");
      blank(start + at, 3);
    }
  }

  // Directives stand before the document; there is none that a pipeline file needs.
  void check_directives() {
    for (size_t number = 1; number <= source_.line_count(); ++number) {
      const std::string_view line = source_.line(number);
      const size_t blanks = source_.indentation(number);
      if (blanks == std::string_view::npos) continue;
      if (line.front() != '%') return;
      const size_t start = source_.line_start(number);
      problem(start, line.size(), "a directive", "remove the line");
      blank(start, line.size());
    }
  }

  const SourceText &source_;
  const YamlLimits &limits_;
  YamlText result_;
};

}  // namespace

YamlText check_yaml_text(const SourceText &source, const YamlLimits &limits) {
  return TextChecker(source, limits).check();
}

}  // namespace flame
