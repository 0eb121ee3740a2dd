// PNG files in memory: read, shrunk and written again; broken ones are refused.
#include "core/io/picture_file.h"

#include <gmock/gmock.h>

namespace flame {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// 2 × 3 pixels of red, green, blue; each of the rows has another filter: left, mean, nearest. Made with
// Python's zlib.
const std::string kFiltered = [] {
  constexpr std::string_view kHex =
      "89504e470d0a1a0a0000000d4948445200000002000000030802000000368849d60000001d4944415478"
      "9c63646462e61492666665e388dd2dcff2f58f0b9fe35e001d5f04d01c82e9be0000000049454e44ae42"
      "6082";
  std::string bytes;
  for (size_t i = 0; i < kHex.size(); i += 2)
    bytes += static_cast<char>(std::stoi(std::string(kHex.substr(i, 2)), nullptr, 16));
  return bytes;
}();

void add_number(std::string &bytes, uint32_t number) {
  for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(number >> shift & 0xff);
}

// With the right checksum, bit by bit from the polynomial.
std::string chunk(std::string_view kind, std::string_view content) {
  std::string bytes;
  add_number(bytes, static_cast<uint32_t>(content.size()));
  const std::string checked = std::string(kind).append(content);
  uint32_t crc = 0xffffffff;
  for (const char c : checked) {
    crc ^= static_cast<uint8_t>(c);
    for (int bit = 0; bit < 8; ++bit) crc = crc & 1 ? crc >> 1 ^ 0xedb88320 : crc >> 1;
  }
  bytes += checked;
  add_number(bytes, ~crc);
  return bytes;
}

std::string header(uint32_t width, uint32_t height, std::string_view kind) {
  std::string bytes;
  add_number(bytes, width);
  add_number(bytes, height);
  return chunk("IHDR", bytes.append(kind));
}

SmallPicture slope(int64_t width, int64_t height) {
  SmallPicture made{width, height, {}};
  for (int64_t i = 0; i < width * height * 3; ++i)
    made.pixels.push_back(static_cast<uint8_t>(i * 7 % 256));
  return made;
}

TEST(PictureFile, WhatIsWrittenIsReadBack) {
  for (const auto &[width, height] : {std::pair{1, 1}, {5, 3}, {64, 48}, {1, 300}}) {
    const SmallPicture picture = slope(width, height);
    const Result<SmallPicture> read = read_png(write_png(picture), "a.png");
    ASSERT_TRUE(read.ok()) << read.error().text();
    EXPECT_EQ(read->width, width);
    EXPECT_EQ(read->height, height);
    EXPECT_EQ(read->pixels, picture.pixels);
  }
}

TEST(PictureFile, UndoesTheFiltersOfRows) {
  const Result<SmallPicture> read = read_png(kFiltered, "a.png");
  ASSERT_TRUE(read.ok()) << read.error().text();
  EXPECT_THAT(read->pixels,
              ElementsAre(1, 2, 3, 10, 20, 30, 5, 7, 9, 100, 200, 50, 250, 3, 77, 8, 9, 10));
}

TEST(PictureFile, ASmallCopyHoldsTheMeans) {
  SmallPicture picture{4, 2, {}};
  for (const int value : {0, 10, 100, 200, 20, 30, 100, 200})
    for (int c = 0; c < 3; ++c) picture.pixels.push_back(static_cast<uint8_t>(value + c));
  const SmallPicture small = shrunk(picture, 2);
  EXPECT_EQ(small.width, 2);
  EXPECT_EQ(small.height, 1);
  EXPECT_THAT(small.pixels, ElementsAre(15, 16, 17, 150, 151, 152));
  EXPECT_EQ(shrunk(picture, 4).pixels, picture.pixels);
  EXPECT_EQ(shrunk(slope(1000, 2), 10).height, 1);
}

TEST(PictureFile, EveryBrokenFileIsRefused) {
  const std::string whole = write_png(slope(9, 5));
  for (size_t size = 0; size < whole.size(); ++size) {
    const Result<SmallPicture> read = read_png(std::string_view(whole).substr(0, size), "a.png");
    ASSERT_FALSE(read.ok()) << size;
    EXPECT_EQ(read.error().kind, ErrorKind::kStorage);
    EXPECT_THAT(read.error().what, HasSubstr("a.png: "));
  }
  for (size_t i = 0; i < whole.size(); ++i) {
    for (const int flip : {1, 0x80, 0xff}) {
      std::string changed = whole;
      changed[i] = static_cast<char>(changed[i] ^ flip);
      EXPECT_FALSE(read_png(changed, "a.png").ok()) << i;
    }
  }
  EXPECT_FALSE(read_png("GIF89a", "a.png").ok());
}

TEST(PictureFile, WhatItsHeaderCannotHoldIsRefusedBeforeMemoryIsTaken) {
  const std::string signature = write_png(slope(1, 1)).substr(0, 8);
  const std::string whole = write_png(slope(9, 5));
  const std::string pixels = whole.substr(33);  // behind signature and header
  constexpr std::string_view kUsual("\x08\x02\0\0\0", 5);
  ASSERT_TRUE(read_png(signature + header(9, 5, kUsual) + pixels, "a.png").ok());
  const std::string_view kinds[] = {{"\x10\x02\0\0\0", 5},
                                    {"\x08\x03\0\0\0", 5},
                                    {"\x08\x02\1\0\0", 5},
                                    {"\x08\x02\0\0\1", 5},
                                    {"\x08\x02\0\0", 4}};
  for (const std::string_view kind : kinds)
    EXPECT_FALSE(read_png(signature + header(9, 5, kind) + pixels, "a.png").ok());
  for (const auto &[width, height] :
       std::vector<std::pair<uint32_t, uint32_t>>{{0, 5},
                                                  {9, 0},
                                                  {0xffffffff, 0xffffffff},
                                                  {16385, 5},
                                                  {16384, 16384},
                                                  {10, 5},
                                                  {9, 6},
                                                  {9, 4}})
    EXPECT_FALSE(read_png(signature + header(width, height, kUsual) + pixels, "a.png").ok())
        << width << " " << height;
  EXPECT_FALSE(read_png(signature + pixels, "a.png").ok());
  EXPECT_FALSE(
      read_png(signature + header(9, 5, kUsual) + header(9, 5, kUsual) + pixels, "a.png").ok());
  EXPECT_FALSE(
      read_png(signature + header(9, 5, kUsual) + chunk("IDAT", "none") + chunk("IEND", ""),
               "a.png")
          .ok());
  std::string huge = signature + header(9, 5, kUsual);
  add_number(huge, 0xfffffff0);
  EXPECT_FALSE(read_png(huge + "IDAT12345678", "a.png").ok());
}

}  // namespace
}  // namespace flame
