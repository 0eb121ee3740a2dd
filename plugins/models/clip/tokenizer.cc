#include "plugins/models/clip/tokenizer.h"

#include <algorithm>
#include <queue>
#include <string>

#include "plugins/models/clip/unicode.h"

namespace clip {
namespace {

// Merges neighbours of one word until none can be, always the first merge of the vocabulary, and
// of equal ones the leftmost.
class Word {
 public:
  Word(const Vocabulary &vocabulary, std::string_view bytes) : vocabulary_(vocabulary) {
    const auto count = static_cast<int32_t>(bytes.size());
    for (int32_t i = 0; i < count; ++i) {
      const int32_t token = Vocabulary::byte_token(static_cast<uint8_t>(bytes[i]), i + 1 == count);
      parts_.push_back({token, i - 1, i + 1 == count ? -1 : i + 1});
    }
  }

  void append_to(std::vector<int64_t> &out) {
    for (int32_t i = 0; i + 1 < static_cast<int32_t>(parts_.size()); ++i) propose(i);
    while (!merges_.empty()) {
      const Merge merge = merges_.top();
      merges_.pop();
      apply(merge);
    }
    for (int32_t i = 0; i != -1; i = parts_[i].next) out.push_back(parts_[i].token);
  }

 private:
  struct Part {
    int32_t token;  // -1: merged into the part before
    int32_t before, next;
  };
  struct Merge {
    int32_t makes, left;
    bool operator<(const Merge &other) const {  // the top of a queue is the largest
      return makes != other.makes ? makes > other.makes : left > other.left;
    }
  };

  int32_t made_at(int32_t left) const {
    const int32_t right = parts_[left].next;
    if (parts_[left].token < 0 || right < 0) return -1;
    return vocabulary_.merged(parts_[left].token, parts_[right].token);
  }
  void propose(int32_t left) {
    const int32_t makes = left < 0 ? -1 : made_at(left);
    if (makes >= 0) merges_.push({makes, left});
  }
  void apply(const Merge &merge) {
    if (made_at(merge.left) != merge.makes) return;  // a neighbour has changed since
    Part &left = parts_[merge.left];
    Part &right = parts_[left.next];
    left.token = merge.makes;
    right.token = -1;
    left.next = right.next;
    if (left.next >= 0) parts_[left.next].before = merge.left;
    propose(left.before);
    propose(merge.left);
  }

  const Vocabulary &vocabulary_;
  std::vector<Part> parts_;
  std::priority_queue<Merge> merges_;
};

bool begins_with(const int32_t *at, const int32_t *end, std::string_view letters) {
  return static_cast<size_t>(end - at) >= letters.size() &&
         std::equal(letters.begin(), letters.end(), at);
}

// The end of the word that begins at `at`, which is no space: 's|'t|'re|'ve|'m|'ll|'d, letters, one
// number, or what is none of these.
const int32_t *word_end(const int32_t *at, const int32_t *end) {
  for (const std::string_view letters : {"'s", "'t", "'re", "'ve", "'m", "'ll", "'d"})
    if (begins_with(at, end, letters)) return at + letters.size();
  const Kind kind = kind_of(*at);
  if (kind == Kind::kNumber) return at + 1;
  return std::find_if(at + 1, end, [&](int32_t c) { return kind_of(c) != kind; });
}

void append_words(const Vocabulary &vocabulary, const int32_t *at, const int32_t *end,
                  std::vector<int64_t> &out) {
  std::string bytes;
  while (at != end) {
    if (kind_of(*at) == Kind::kSpace) {
      ++at;
      continue;
    }
    const int32_t *const last = word_end(at, end);
    bytes.clear();
    for (; at != last; ++at) append_utf8(bytes, *at);
    Word(vocabulary, bytes).append_to(out);
  }
}

}  // namespace

std::vector<int64_t> encode(const Vocabulary &vocabulary, std::string_view text) {
  const CodePoints letters = normalized(text);
  std::vector<int64_t> out;
  const int32_t *at = letters.data();
  const int32_t *const end = at + letters.size();
  while (at != end) {
    const int32_t *found = at;
    while (found != end && !begins_with(found, end, kBeginText) &&
           !begins_with(found, end, kEndText)) {
      ++found;
    }
    append_words(vocabulary, at, found, out);
    if (found == end) break;
    const bool begins = begins_with(found, end, kBeginText);
    out.push_back(begins ? vocabulary.begin() : vocabulary.end());
    at = found + (begins ? kBeginText.size() : kEndText.size());
  }
  return out;
}

}  // namespace clip
