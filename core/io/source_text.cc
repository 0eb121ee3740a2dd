#include "core/io/source_text.h"

#include <algorithm>

namespace flame {

size_t count_characters(std::string_view text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xc0) != 0x80;  // no byte within a character
  }));
}

SourceText::SourceText(std::string name, std::string text, size_t number)
    : name_(std::move(name)), text_(std::move(text)), number_(number) {
  line_starts_.push_back(0);
  for (size_t at = text_.find('\n'); at != std::string::npos; at = text_.find('\n', at + 1)) {
    if (at + 1 < text_.size()) line_starts_.push_back(at + 1);
  }
}

TextPlace SourceText::place(size_t offset, size_t size) const {
  offset = std::min(offset, text_.size());
  const size_t number = line_of(offset);
  const size_t start = line_start(number);
  const std::string_view whole = line(number);
  const size_t column = std::min(offset - start, whole.size());
  const std::string_view marked = whole.substr(column, size);
  return {number_, number, count_characters(whole.substr(0, column)) + 1,
          std::max<size_t>(count_characters(marked), 1)};
}

size_t SourceText::line_of(size_t offset) const {
  const auto behind = std::upper_bound(line_starts_.begin(), line_starts_.end(), offset);
  return static_cast<size_t>(behind - line_starts_.begin());
}

std::string_view SourceText::line(size_t number) const {
  const size_t start = line_starts_[number - 1];
  std::string_view line = std::string_view(text_).substr(start);
  line = line.substr(0, line.find('\n'));
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

size_t SourceText::indentation(size_t number) const {
  const std::string_view text = line(number);
  const size_t blanks = text.find_first_not_of(' ');
  return blanks != std::string_view::npos && text[blanks] == '#' ? std::string_view::npos : blanks;
}

}  // namespace flame
