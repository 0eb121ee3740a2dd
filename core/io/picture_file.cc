#include "core/io/picture_file.h"

#include <fmt/core.h>
#include <zlib.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

namespace flame {
namespace {

constexpr std::string_view kSignature("\x89PNG\r\n\x1a\n", 8);
constexpr int64_t kMostSide = 16384;

uint32_t number_at(std::string_view bytes, size_t at) {
  uint32_t number = 0;
  for (size_t i = 0; i < 4; ++i) number = number << 8 | static_cast<uint8_t>(bytes[at + i]);
  return number;
}

void add_number(std::string &bytes, uint32_t number) {
  for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(number >> shift & 0xff);
}

uint32_t crc_of(std::string_view bytes) {
  return static_cast<uint32_t>(
      crc32_z(0, reinterpret_cast<const Bytef *>(bytes.data()), bytes.size()));
}

void add_chunk(std::string &file, std::string_view kind, std::string_view content) {
  add_number(file, static_cast<uint32_t>(content.size()));
  const std::string checked = std::string(kind).append(content);
  file += checked;
  add_number(file, crc_of(checked));
}

uint8_t nearest(int left, int above, int corner) {
  const int guess = left + above - corner;
  const int a = std::abs(guess - left), b = std::abs(guess - above), c = std::abs(guess - corner);
  return static_cast<uint8_t>(a <= b && a <= c ? left : b <= c ? above : corner);
}

class Reader {
 public:
  Reader(std::string_view file, std::string_view name) : file_(file), name_(name) {}

  Result<SmallPicture> read() {
    if (!file_.starts_with(kSignature)) return wrong("it is no PNG file");
    file_.remove_prefix(kSignature.size());
    FLAME_TRY(read_chunks());
    FLAME_TRY(unpack());
    FLAME_TRY(undo_filters());
    return picture();
  }

 private:
  Error wrong(std::string_view what) const {
    return storage_error(fmt::format("{}: {}", name_, what));
  }

  Status read_chunks() {
    for (bool ended = false; !ended;) {
      if (file_.size() < 12) return wrong("it ends too early");
      const size_t size = number_at(file_, 0);
      if (size > file_.size() - 12) return wrong("it ends too early");
      const std::string_view kind = file_.substr(4, 4), content = file_.substr(8, size);
      if (crc_of(file_.substr(4, size + 4)) != number_at(file_, size + 8))
        return wrong("a checksum is not right");
      if (width_ == 0 && kind != "IHDR") return wrong("it does not begin with its size");
      if (kind == "IHDR") FLAME_TRY(read_header(content));
      if (kind == "IDAT") packed_ += content;
      ended = kind == "IEND";
      file_.remove_prefix(size + 12);
    }
    return {};
  }

  Status read_header(std::string_view header) {
    if (header.size() != 13 || width_ != 0) return wrong("its header is not right");
    const int64_t width = number_at(header, 0), height = number_at(header, 4);
    if (width < 1 || height < 1 || width > kMostSide || height > kMostSide)
      return wrong(fmt::format("it has {} × {} pixels, at most {} a side are read", width, height,
                               kMostSide));
    const int colours = header[9];
    channels_ = colours == 0 ? 1 : colours == 2 ? 3 : colours == 4 ? 2 : colours == 6 ? 4 : 0;
    if (header[8] != 8 || channels_ == 0 || header[10] != 0 || header[11] != 0 || header[12] != 0)
      return wrong("it is a PNG of another kind than 8 bits a channel, not interlaced");
    width_ = width;
    height_ = height;
    return {};
  }

  size_t row_size() const { return static_cast<size_t>(width_ * channels_); }

  Status unpack() {
    // A broken stream gives no more memory than its packed bytes can stand for.
    const size_t size = static_cast<size_t>(height_) * (row_size() + 1);
    if (size / 1040 > packed_.size()) return wrong("its pixels are not all there");
    rows_.resize(size);
    uLongf count = size;
    const int status =
        uncompress(rows_.data(), &count, reinterpret_cast<const Bytef *>(packed_.data()),
                   static_cast<uLong>(packed_.size()));
    if (status != Z_OK || count != size) return wrong("its pixels are not all there");
    return {};
  }

  Status undo_filters() {
    const size_t length = row_size(), step = static_cast<size_t>(channels_);
    const std::vector<uint8_t> none(length, 0);
    const uint8_t *above = none.data();
    for (int64_t y = 0; y < height_; ++y) {
      uint8_t *row = rows_.data() + static_cast<size_t>(y) * (length + 1);
      const uint8_t filter = *row++;
      if (filter > 4) return wrong("a row has a filter that PNG does not know");
      for (size_t i = 0; i < length; ++i) {
        const int left = i < step ? 0 : row[i - step], corner = i < step ? 0 : above[i - step];
        const int guess = filter == 0   ? 0
                          : filter == 1 ? left
                          : filter == 2 ? above[i]
                          : filter == 3 ? (left + above[i]) / 2
                                        : nearest(left, above[i], corner);
        row[i] = static_cast<uint8_t>(row[i] + guess);
      }
      above = row;
    }
    return {};
  }

  SmallPicture picture() const {
    SmallPicture made{width_, height_, {}};
    made.pixels.reserve(static_cast<size_t>(width_ * height_ * 3));
    for (int64_t y = 0; y < height_; ++y) {
      const uint8_t *row = rows_.data() + static_cast<size_t>(y) * (row_size() + 1) + 1;
      for (int64_t x = 0; x < width_; ++x, row += channels_)
        for (int c = 0; c < 3; ++c) made.pixels.push_back(row[channels_ < 3 ? 0 : c]);
    }
    return made;
  }

  std::string_view file_, name_;
  int64_t width_ = 0, height_ = 0, channels_ = 0;
  std::string packed_;
  std::vector<uint8_t> rows_;  // each behind the number of its filter
};

}  // namespace

Result<SmallPicture> read_png(std::string_view file, std::string_view name) {
  return Reader(file, name).read();
}

std::string write_png(const SmallPicture &picture) {
  std::string header;
  add_number(header, static_cast<uint32_t>(picture.width));
  add_number(header, static_cast<uint32_t>(picture.height));
  header += std::string_view("\x08\x02\0\0\0", 5);
  // Each row as the difference to the one above, which suits what is drawn.
  const size_t length = static_cast<size_t>(picture.width) * 3;
  std::vector<uint8_t> rows;
  rows.reserve(picture.pixels.size() + static_cast<size_t>(picture.height));
  for (size_t i = 0; i < picture.pixels.size(); ++i) {
    if (i % length == 0) rows.push_back(2);
    rows.push_back(
        static_cast<uint8_t>(picture.pixels[i] - (i < length ? 0 : picture.pixels[i - length])));
  }
  uLongf size = compressBound(rows.size());
  std::string packed(size, '\0');
  compress2(reinterpret_cast<Bytef *>(packed.data()), &size, rows.data(), rows.size(),
            Z_BEST_COMPRESSION);
  packed.resize(size);
  std::string file(kSignature);
  add_chunk(file, "IHDR", header);
  add_chunk(file, "IDAT", packed);
  add_chunk(file, "IEND", "");
  return file;
}

SmallPicture shrunk(const SmallPicture &picture, int64_t longest) {
  const int64_t side = std::max(picture.width, picture.height);
  if (side <= longest) return picture;
  SmallPicture made;
  made.width = std::max<int64_t>(1, picture.width * longest / side);
  made.height = std::max<int64_t>(1, picture.height * longest / side);
  made.pixels.reserve(static_cast<size_t>(made.width * made.height * 3));
  for (int64_t y = 0; y < made.height; ++y) {
    const int64_t top = y * picture.height / made.height;
    const int64_t bottom = (y + 1) * picture.height / made.height;
    for (int64_t x = 0; x < made.width; ++x) {
      const int64_t left = x * picture.width / made.width;
      const int64_t right = (x + 1) * picture.width / made.width;
      const int64_t count = (bottom - top) * (right - left);
      for (int64_t c = 0; c < 3; ++c) {
        int64_t sum = 0;
        for (int64_t v = top; v < bottom; ++v)
          for (int64_t u = left; u < right; ++u)
            sum += picture.pixels[static_cast<size_t>((v * picture.width + u) * 3 + c)];
        made.pixels.push_back(static_cast<uint8_t>((sum + count / 2) / count));
      }
    }
  }
  return made;
}

}  // namespace flame
