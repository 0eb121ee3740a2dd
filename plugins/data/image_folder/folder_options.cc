#include "plugins/data/image_folder/folder_options.h"

#include <charconv>
#include <cmath>

#include "flame/error.hpp"

namespace image_folder {
namespace {

constexpr double kMost = 1e6;

double amount(std::string_view word, std::string_view value) {
  double number = 0;
  const char *end = value.data() + value.size();
  const auto [at, error] = std::from_chars(value.data(), end, number);
  if (error == std::errc() && at == end && number >= 0 && number <= kMost) return number;
  throw flame::invalid_argument("'", word, "' of a folder: expected a number from 0 to ", kMost);
}

bool flag(std::string_view word, std::string_view value) {
  if (value == "true" || value == "false") return value == "true";
  throw flame::invalid_argument("'", word, "' of a folder: expected true or false");
}

void take(std::string_view word, FolderOptions &out) {
  const std::string_view key = word.substr(0, word.find('='));
  const std::string_view value = word.substr(key.size() + 1);
  if (key == "repeats") {
    out.repeats = amount(word, value);
  } else if (key == "weight") {
    out.weight = amount(word, value);
  } else if (key == "regularisation") {
    out.regularisation = flag(word, value);
  } else if (key == "masks" && !value.empty() && value.find('/') == value.npos && value[0] != '.') {
    out.masks = value;
  } else {
    throw flame::invalid_argument(
        "'", word,
        "' of a folder: expected repeats=3, weight=0.5, regularisation=true or "
        "masks=NAME of a folder in it");
  }
}

}  // namespace

// Names of folders may hold blanks, so the words are taken from the end.
FolderOptions parse_folder(std::string_view text) {
  FolderOptions out;
  for (;;) {
    while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
    const size_t blank = text.rfind(' ');
    const std::string_view word = blank == text.npos ? std::string_view() : text.substr(blank + 1);
    if (word.find('=') == word.npos || word.find('/') != word.npos) break;
    take(word, out);
    text = text.substr(0, blank);
  }
  out.path = text;
  if (out.path.empty()) throw flame::invalid_argument("a folder without a path");
  return out;
}

}  // namespace image_folder
