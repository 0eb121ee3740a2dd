// libFuzzer's entry: any bytes as a picture's header, a table of captions, an index and the words
// behind a folder. What it looks for is a crash, a hang, or a picture that nobody could hold.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "flame/error.hpp"
#include "plugins/data/image_folder/caption_text.h"
#include "plugins/data/image_folder/captions.h"
#include "plugins/data/image_folder/file_index.h"
#include "plugins/data/image_folder/folder_options.h"
#include "plugins/data/image_folder/picture_header.h"

namespace {

using namespace image_folder;

class Memory : public ByteSource {
 public:
  explicit Memory(std::string_view bytes) : bytes_(bytes) {}
  size_t read(uint64_t offset, void *into, size_t size) override {
    if (offset >= bytes_.size()) return 0;
    const size_t count = std::min<size_t>(size, bytes_.size() - static_cast<size_t>(offset));
    std::memcpy(into, bytes_.data() + offset, count);
    return count;
  }

 private:
  std::string_view bytes_;
};

// What refuses with an error is right.
template <typename Function>
void attempt(Function &&function) {
  try {
    function();
  } catch (const flame::Error &) {
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  const std::string_view text(reinterpret_cast<const char *>(data), size);
  attempt([&] {
    Memory memory(text);
    const PictureHeader header = read_picture_header(memory);
    if (header.width == 0 || header.height == 0 || header.orientation < 1 ||
        header.orientation > 8 || uint64_t{header.width} * header.height > kMaxPixels)
      std::abort();
  });
  is_whole_jpeg(text);
  exif_orientation(text);
  profile_name(text);
  attempt([&] { parse_jsonl(text, "metadata.jsonl"); });
  attempt([&] { parse_csv(text, "metadata.csv"); });
  attempt([&] { parse_folder(text); });
  if (!text.empty()) read_index(text);
  make_caption(text, {"sks", "a", "b", true, 1, 0.5}, size);
  return 0;
}
