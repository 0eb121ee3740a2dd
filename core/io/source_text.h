// A text from outside with its lines, so that an offset becomes a place that a person can find.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace flame {

// Columns and lengths are in characters, as editors count them.
struct TextPlace {
  size_t source = 0;  // which of several texts: that with this number
  size_t line = 1;
  size_t column = 1;
  size_t length = 1;

  bool operator==(const TextPlace &) const = default;
};

class SourceText {
 public:
  // `name` is what the text is called in messages; `number` is the source of its places.
  SourceText(std::string name, std::string text, size_t number = 0);

  const std::string &name() const { return name_; }
  const std::string &text() const { return text_; }
  size_t number() const { return number_; }

  // The place of `size` bytes from `offset`, no further than their line. An offset behind the text
  // gives its end.
  TextPlace place(size_t offset, size_t size = 1) const;
  size_t line_count() const { return line_starts_.size(); }
  // Line numbers start at 1.
  size_t line_of(size_t offset) const;
  size_t line_start(size_t number) const { return line_starts_[number - 1]; }
  // Without its line end. Lives as long as *this.
  std::string_view line(size_t number) const;
  // How many blanks the line starts with, or npos if it holds nothing else but a comment.
  size_t indentation(size_t number) const;

 private:
  std::string name_;
  std::string text_;
  size_t number_;
  std::vector<size_t> line_starts_;
};

// How many characters a text in UTF-8 has.
size_t count_characters(std::string_view text);

}  // namespace flame
