// libFuzzer's entry: any bytes as a text for the tokenizer of CLIP, and as its vocabulary. What it looks
// for is a crash, a hang, or a token that the vocabulary does not have.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "flame/plugin.hpp"
#include "plugins/models/clip/tokenizer.h"

namespace {

const clip::Vocabulary &small_vocabulary() {
  static const clip::Vocabulary made = clip::Vocabulary::parse(
      "#version: 0.2\na n\nan d</w>\nt h\nth e</w>\n1 2\n! !\n", "merges.txt");
  return made;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  const std::string_view text(reinterpret_cast<const char *>(data), size);
  try {
    for (const int64_t token : clip::encode(small_vocabulary(), text))
      if (token < 0 || token >= small_vocabulary().size()) std::abort();
  } catch (const flame::Error &) {  // no UTF-8
  }
  try {
    const clip::Vocabulary made = clip::Vocabulary::parse(text, "merges.txt");
    if (made.end() + 1 != made.size()) std::abort();
  } catch (const flame::Error &) {  // no vocabulary
  }
  return 0;
}
