#include "plugins/models/clip/vocabulary.h"

#include <array>

#include "flame/plugin.hpp"
#include "plugins/models/clip/unicode.h"

namespace clip {
namespace {

constexpr int32_t kBytes = 256;
constexpr int32_t kMostMerges = 1 << 20;
constexpr std::string_view kWordEnd = "</w>";

// In files bytes are written as letters: those that can be printed as themselves, and numbered
// first; the others as the letters from U+0100 on.
struct ByteLetters {
  std::array<int32_t, kBytes> letter{}, token{};
  ByteLetters() {
    int32_t next_token = 0, next_letter = kBytes;
    const auto prints = [](int32_t b) {
      return (b >= '!' && b <= '~') || (b >= 0xa1 && b <= 0xac) || (b >= 0xae && b <= 0xff);
    };
    for (const bool printed : {true, false}) {
      for (int32_t b = 0; b < kBytes; ++b) {
        if (prints(b) != printed) continue;
        letter[b] = printed ? b : next_letter++;
        token[b] = next_token++;
      }
    }
  }
};

const ByteLetters &byte_letters() {
  static const ByteLetters letters;
  return letters;
}

}  // namespace

int32_t Vocabulary::byte_token(uint8_t byte, bool ends_word) {
  return byte_letters().token[byte] + (ends_word ? kBytes : 0);
}

int32_t Vocabulary::find(std::string_view token) const {
  const auto found = tokens_.find(std::string(token));
  return found == tokens_.end() ? -1 : found->second;
}

Vocabulary Vocabulary::parse(std::string_view text, const std::string &name) {
  Vocabulary made;
  for (int32_t b = 0; b < kBytes; ++b) {
    std::string letter;
    append_utf8(letter, byte_letters().letter[b]);
    const int32_t token = byte_letters().token[b];
    made.tokens_.emplace(letter, token);
    made.tokens_.emplace(letter.append(kWordEnd), token + kBytes);
  }
  made.tokens_.reserve(size_t{1} << 16);
  made.merges_.reserve(size_t{1} << 16);
  made.size_ = 2 * kBytes;
  int64_t line_number = 0;
  const auto wrong = [&](const std::string &what) {
    return flame::storage_error(name, ":", line_number, ": ", what,
                                "; expected the merges.txt of a CLIP tokenizer");
  };
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    ++line_number;
    if (line_number == 1) {
      if (line.substr(0, 8) != "#version") throw wrong("the first line is no '#version'");
      continue;
    }
    if (line.empty()) continue;
    const size_t space = line.find(' ');
    if (space == line.npos || line.find(' ', space + 1) != line.npos)
      throw wrong("a merge is two tokens with a space between them");
    const int32_t left = made.find(line.substr(0, space));
    const int32_t right = made.find(line.substr(space + 1));
    if (left < 0 || right < 0) throw wrong("a merge of tokens that no line before it makes");
    if (made.size_ - 2 * kBytes == kMostMerges) throw wrong("more merges than a vocabulary has");
    const std::string both(std::string(line.substr(0, space)).append(line.substr(space + 1)));
    if (!made.tokens_.emplace(both, made.size_).second)
      throw wrong("a token that is there already");
    made.merges_.emplace(pair_key(left, right), made.size_++);
  }
  if (made.size_ == 2 * kBytes) throw wrong("there is no merge");
  made.tokens_.emplace(kBeginText, made.size_++);
  made.tokens_.emplace(kEndText, made.size_++);
  return made;
}

}  // namespace clip
