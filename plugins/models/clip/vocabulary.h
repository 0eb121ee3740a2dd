// The tokens and merges of CLIP's byte-pair encoding, from a merges.txt.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>

namespace clip {

// Tokens are numbered as CLIP numbers them: the 256 bytes, the 256 bytes at the end of a word, what
// each merge makes, begin and end.
class Vocabulary {
 public:
  // `text` is the content of the file `name`: a line "#version…", and a merge a line. Throws
  // STORAGE and names the line.
  static Vocabulary parse(std::string_view text, const std::string &name);

  static int32_t byte_token(uint8_t byte, bool ends_word);
  // What the merge of two neighbours makes, or -1 where there is none. Lower ones come first.
  int32_t merged(int32_t left, int32_t right) const {
    const auto found = merges_.find(pair_key(left, right));
    return found == merges_.end() ? -1 : found->second;
  }

  int32_t begin() const { return size_ - 2; }
  int32_t end() const { return size_ - 1; }
  int32_t size() const { return size_; }
  // By its text in files ("!", "<|endoftext|>"), or -1.
  int32_t find(std::string_view token) const;

 private:
  static uint64_t pair_key(int32_t left, int32_t right) {
    return static_cast<uint64_t>(left) << 32 | static_cast<uint32_t>(right);
  }

  int32_t size_ = 0;
  std::unordered_map<uint64_t, int32_t> merges_;
  std::unordered_map<std::string, int32_t> tokens_;
};

// In texts and in files.
inline constexpr std::string_view kBeginText = "<|startoftext|>", kEndText = "<|endoftext|>";

}  // namespace clip
