// Reads safetensors files: every rule of the format, and files that were made to hurt.
#include "core/io/safetensors.h"

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <random>

#include "tests/support/safetensors_files.h"

namespace flame {
namespace {

using test::safetensors_bytes;
using test::TemporaryFolder;
using test::write_bytes;
using testing::HasSubstr;

struct Sample {
  std::string what;
  std::string header;
  size_t data_bytes;
};

std::string entry(std::string_view dtype, std::string_view shape, std::string_view offsets) {
  return fmt::format(R"({{"dtype":"{}","shape":{},"data_offsets":{}}})", dtype, shape, offsets);
}

std::string one(std::string_view dtype, std::string_view shape, std::string_view offsets) {
  return R"({"a":)" + entry(dtype, shape, offsets) + "}";
}

std::string two(std::string_view first, std::string_view second) {
  return fmt::format(R"({{"a":{},"b":{}}})", entry("U8", "[2]", first), entry("U8", "[2]", second));
}

std::string deep(size_t depth) {
  return R"({"a":)" + std::string(depth, '[') + std::string(depth, ']') + "}";
}

std::vector<Sample> malformed() {
  const std::string good = entry("U8", "[2]", "[0,2]");
  std::vector<Sample> samples = {
      {"empty header", "", 0},
      {"white space before the object", " {}", 0},
      {"line end before the object", "\n{}", 0},
      {"a byte order mark", "\xef\xbb\xbf{}", 0},
      {"a list", "[]", 0},
      {"null", "null", 0},
      {"a text", "\"a\"", 0},
      {"a number", "1", 0},
      {"an open brace alone", "{", 0},
      {"no end of the object", R"({"a":)" + good, 2},
      {"two objects", "{}{}", 0},
      {"text behind the object", "{} x", 0},
      {"line end behind the object", "{}\n", 0},
      {"a NUL behind the object", std::string("{}\0", 3), 0},
      {"a comma at the end", R"({"a":)" + good + ",}", 2},
      {"a comment", R"({/**/"a":)" + good + "}", 2},
      {"single quotes", R"({'a':)" + good + "}", 2},
      {"a key without quotes", "{a:" + good + "}", 2},
      {"invalid UTF-8 in a name", "{\"\xff\":" + good + "}", 2},
      {"an overlong form in a name", "{\"\xc0\x80\":" + good + "}", 2},
      {"half a surrogate in a name", R"({"\ud800":)" + good + "}", 2},
      {"a raw control character in a name", "{\"a\nb\":" + good + "}", 2},
      {"the same name twice", fmt::format(R"({{"a":{},"a":{}}})", good, good), 2},
      {"the same name twice, once escaped", fmt::format(R"({{"a":{},"\u0061":{}}})", good, good),
       2},
      {"two metadata", R"({"__metadata__":{},"__metadata__":{}})", 0},
      {"metadata that is null", R"({"__metadata__":null})", 0},
      {"metadata that is a list", R"({"__metadata__":[]})", 0},
      {"metadata that is a tensor", R"({"__metadata__":)" + good + "}", 2},
      {"metadata with a number", R"({"__metadata__":{"a":1}})", 0},
      {"metadata with an object", R"({"__metadata__":{"a":{}}})", 0},
      {"metadata with null", R"({"__metadata__":{"a":null}})", 0},
      {"the same metadata twice", R"({"__metadata__":{"a":"1","a":"2"}})", 0},
      {"a tensor that is null", R"({"a":null})", 0},
      {"a tensor that is a list", R"({"a":["U8",[2],[0,2]]})", 2},
      {"a tensor that is a text", R"({"a":"U8"})", 0},
      {"no dtype", R"({"a":{"shape":[2],"data_offsets":[0,2]}})", 2},
      {"no shape", R"({"a":{"dtype":"U8","data_offsets":[0,2]}})", 2},
      {"no offsets", R"({"a":{"dtype":"U8","shape":[0]}})", 0},
      {"the dtype twice", R"({"a":{"dtype":"U8","dtype":"U8","shape":[2],"data_offsets":[0,2]}})",
       2},
      {"an unknown member", R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2],"x":1}})", 2},
      {"an unknown dtype", one("F128", "[1]", "[0,16]"), 16},
      {"a dtype in small letters", one("f32", "[1]", "[0,4]"), 4},
      {"a dtype that is a number", R"({"a":{"dtype":32,"shape":[1],"data_offsets":[0,4]}})", 4},
      {"a shape that is a number", one("U8", "2", "[0,2]"), 2},
      {"a size that is negative", one("U8", "[-2]", "[0,2]"), 2},
      {"two negative sizes", one("U8", "[-2,-1]", "[0,2]"), 2},
      {"a size that is a fraction", one("U8", "[2.0]", "[0,2]"), 2},
      {"a size with an exponent", one("U8", "[2e0]", "[0,2]"), 2},
      {"a size that is a text", one("U8", "[\"2\"]", "[0,2]"), 2},
      {"a size that is true", one("U8", "[true]", "[0,1]"), 1},
      {"a size with a leading zero", one("U8", "[02]", "[0,2]"), 2},
      {"a size of 2^63", one("U8", "[0,9223372036854775808,4]", "[0,0]"), 0},
      {"a size of 2^64 + 2", one("U8", "[18446744073709551618]", "[0,2]"), 2},
      {"sizes whose product overflows to 2", one("U8", "[9223372036854775807,2]", "[0,2]"), 2},
      {"sizes whose product wraps to 0", one("U8", "[4294967296,4294967296]", "[0,0]"), 0},
      {"an overflow that a zero hides", one("F32", "[4611686018427387904,4,0]", "[0,0]"), 0},
      {"bytes that overflow", one("F64", "[2305843009213693952]", "[0,0]"), 0},
      {"nine axes", one("U8", "[1,1,1,1,1,1,1,1,2]", "[0,2]"), 2},
      {"a million axes", one("U8", "[1" + std::string(1'000'000, '1') + "]", "[0,2]"), 2},
      {"offsets that are one number", one("U8", "[2]", "[2]"), 2},
      {"offsets that are three", one("U8", "[2]", "[0,2,2]"), 2},
      {"offsets that are an object", one("U8", "[2]", "{}"), 2},
      {"offsets that run backwards", one("U8", "[2]", "[2,0]"), 2},
      {"a negative begin", one("U8", "[2]", "[-2,0]"), 2},
      {"an end beyond the file", one("U8", "[3]", "[0,3]"), 2},
      {"an end of 2^63 - 1", one("U8", "[2]", "[0,9223372036854775807]"), 2},
      {"both at 2^63 - 1", one("U8", "[0]", "[9223372036854775807,9223372036854775807]"), 2},
      {"an end of 2^64", one("U8", "[2]", "[0,18446744073709551616]"), 2},
      {"too few bytes for the shape", one("F32", "[2]", "[0,4]"), 4},
      {"too many bytes for the shape", one("F32", "[2]", "[0,12]"), 12},
      {"bytes for an empty shape of none", one("U8", "[0]", "[0,2]"), 2},
      {"no bytes for a scalar", one("F32", "[]", "[0,0]"), 0},
      {"half a byte", one("F4", "[3]", "[0,2]"), 2},
      {"three quarters of a byte", one("F6_E2M3", "[1]", "[0,1]"), 1},
      {"the lie that F16 has four bytes", one("F16", "[1]", "[0,4]"), 4},
      {"a hole at the begin", one("U8", "[2]", "[2,4]"), 4},
      {"a hole between", two("[0,2]", "[3,5]"), 5},
      {"bytes behind the last", one("U8", "[2]", "[0,2]"), 3},
      {"bytes and no tensor", "{}", 1},
      {"two at one place", two("[0,2]", "[0,2]"), 2},
      {"two that overlap", two("[0,2]", "[1,3]"), 3},
      {"an empty one inside of another",
       fmt::format(R"({{"a":{},"b":{}}})", good, entry("U8", "[0]", "[1,1]")), 2},
      {"a cut file", two("[0,2]", "[2,4]"), 3},
      {"deep lists", deep(5), 0},
      {"very deep lists", deep(1'000'000), 0},
      {"NaN", R"({"a":NaN})", 0},
      {"a number too large for a double", one("U8", "[1e400]", "[0,2]"), 2},
  };
  return samples;
}

std::vector<Sample> odd_but_legal() {
  return {
      {"nothing at all", "{}", 0},
      {"spaces behind the object", "{}" + std::string(1000, ' '), 0},
      {"metadata alone", R"({"__metadata__":{"format":"pt"}})", 0},
      {"empty metadata", R"({"__metadata__":{}})", 0},
      {"metadata behind the tensors",
       R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"__metadata__":{"":""}})", 2},
      {"a scalar", one("F32", "[]", "[0,4]"), 4},
      {"an empty shape of size 0", one("F32", "[0]", "[0,0]"), 0},
      {"a size of 0 among others", one("F32", "[1024,0,1024]", "[0,0]"), 0},
      {"eight axes", one("U8", "[1,1,1,2,1,1,1,1]", "[0,2]"), 2},
      {"tensors against the order of their data", two("[2,4]", "[0,2]"), 4},
      {"empty ones at the begin, between and at the end",
       fmt::format(R"({{"a":{},"b":{},"c":{},"d":{}}})", entry("U8", "[2]", "[0,2]"),
                   entry("U8", "[0]", "[2,2]"), entry("U8", "[0]", "[0,0]"),
                   entry("U8", "[1]", "[2,3]")),
       3},
      {"the empty name", R"({"":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})", 1},
      {"a name in many scripts",
       R"({"вес/重み/\ud83d\ude00":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})", 1},
      {"members in another order", R"({"a":{"data_offsets":[0,1],"shape":[1],"dtype":"BOOL"}})", 1},
      {"white space inside of the object", "{ \"a\" :\t" + entry("I16", "[1]", "[0, 2]") + "\n}",
       2},
      {"a tensor that is not aligned",
       fmt::format(R"({{"a":{},"b":{}}})", entry("U8", "[1]", "[0,1]"),
                   entry("F64", "[1]", "[1,9]")),
       9},
      {"packed halves of bytes", one("F4", "[2,3]", "[0,3]"), 3},
      {"packed 6 bits", one("F6_E3M2", "[4]", "[0,3]"), 3},
  };
}

Status open_bytes(const TemporaryFolder &folder, std::string_view bytes) {
  write_bytes(folder / "a.safetensors", bytes);
  const auto file = SafetensorsFile::open(folder / "a.safetensors");
  if (!file.ok()) return file.error();
  // What was taken is sound: all of it can be read.
  for (const StoredTensor &tensor : file->tensors()) {
    std::vector<std::byte> data(tensor.size_bytes);
    FLAME_TRY(file->read(tensor, 0, data));
  }
  return {};
}

TEST(Safetensors, RefusesEveryMalformedFileAndSaysWhere) {
  const TemporaryFolder folder;
  ASSERT_GE(malformed().size(), 60u);
  for (const Sample &sample : malformed()) {
    const Status status = open_bytes(folder, safetensors_bytes(sample.header, sample.data_bytes));
    ASSERT_FALSE(status.ok()) << sample.what;
    EXPECT_EQ(status.error().kind, ErrorKind::kBadConfig) << sample.what;
    EXPECT_THAT(status.error().what, HasSubstr("a.safetensors")) << sample.what;
    EXPECT_LT(status.error().what.size(), 600u) << sample.what;
  }
}

TEST(Safetensors, TakesWhatIsOddButLegal) {
  const TemporaryFolder folder;
  ASSERT_GE(odd_but_legal().size(), 10u);
  for (const Sample &sample : odd_but_legal()) {
    const Status status = open_bytes(folder, safetensors_bytes(sample.header, sample.data_bytes));
    EXPECT_TRUE(status.ok()) << sample.what << ": " << status.error().what;
  }
}

TEST(Safetensors, ChecksTheLengthOfTheHeader) {
  const TemporaryFolder folder;
  const std::string bytes[] = {"",
                               "1234567",
                               test::length_prefix(3) + "{}",
                               test::length_prefix(kMaxHeaderBytes + 1) + "{}",
                               test::length_prefix(UINT64_MAX) + "{}",
                               test::length_prefix(UINT64_MAX - 7) + "{}",
                               test::length_prefix(uint64_t{1} << 63) + "{}"};
  for (const std::string &file : bytes) {
    const Status status = open_bytes(folder, file);
    ASSERT_FALSE(status.ok()) << file.size();
    EXPECT_EQ(status.error().kind, ErrorKind::kBadConfig);
  }
}

TEST(Safetensors, KnowsEveryPublishedTypeByItsSize) {
  const TemporaryFolder folder;
  const std::pair<std::string_view, int> bytes_of_eight[] = {
      {"F64", 64},    {"F32", 32},    {"F16", 16},        {"BF16", 16},       {"F8_E4M3", 8},
      {"F8_E5M2", 8}, {"F8_E8M0", 8}, {"F8_E4M3FNUZ", 8}, {"F8_E5M2FNUZ", 8}, {"F6_E2M3", 6},
      {"F6_E3M2", 6}, {"F4", 4},      {"I64", 64},        {"U64", 64},        {"I32", 32},
      {"U32", 32},    {"I16", 16},    {"U16", 16},        {"I8", 8},          {"U8", 8},
      {"BOOL", 8},    {"C64", 64},
  };
  for (const auto &[name, bytes] : bytes_of_eight) {
    const std::string header = one(name, "[8]", fmt::format("[0,{}]", bytes));
    write_bytes(folder / "a.safetensors", safetensors_bytes(header, static_cast<size_t>(bytes)));
    const auto file = SafetensorsFile::open(folder / "a.safetensors");
    ASSERT_TRUE(file.ok()) << name << file.error().what;
    const auto tensor = file->read(file->tensors().front());
    EXPECT_EQ(tensor.ok(), stored_type_named(name)->dtype.has_value()) << name;
    if (!tensor.ok()) {
      EXPECT_THAT(tensor.error().what, HasSubstr(std::string(name)));
    }
  }
}

TEST(Safetensors, RefusesPicklesAndSaysHowToConvertThem) {
  const TemporaryFolder folder;
  const std::pair<std::string_view, std::string> files[] = {
      {"a.ckpt", "anything at all"},
      {"a.pt", safetensors_bytes("x")},
      {"a.bin", ""},
      {"zip.safetensors", std::string("PK\x03\x04\0\0\x08\x08\0\0\0\0", 12)},
      {"old.safetensors", std::string("\x80\x02}q\0X\x05\0\0\0", 10)},
  };
  for (const auto &[name, bytes] : files) {
    write_bytes(folder / name, bytes);
    const auto file = SafetensorsFile::open(folder / name);
    ASSERT_FALSE(file.ok()) << name;
    EXPECT_EQ(file.error().kind, ErrorKind::kBadConfig);
    EXPECT_THAT(file.error().what, HasSubstr("pickle")) << name;
    EXPECT_THAT(file.error().hint, HasSubstr("save_file")) << name;
  }
}

TEST(Safetensors, AHeaderWhoseLengthBeginsLikeAPickleIsNone) {
  const TemporaryFolder folder;
  const std::string header = "{}" + std::string(0x280 - 2, ' ');  // its length: 80 02 00 …
  EXPECT_TRUE(open_bytes(folder, safetensors_bytes(header)).ok());
}

TEST(Safetensors, NamesWhatStandsInsteadOfTheFile) {
  const TemporaryFolder folder;
  const std::pair<std::string_view, std::string_view> files[] = {
      {"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"},
      {"GGUF\3______________", "safetensors"},
      {"<!DOCTYPE html><html>", "download"},
      {"{\"json\": \"of some kind\"}", "beside it"},
  };
  for (const auto &[bytes, hint] : files) {
    const Status status = open_bytes(folder, bytes);
    ASSERT_FALSE(status.ok());
    EXPECT_THAT(status.error().hint, HasSubstr(std::string(hint)));
  }
}

TEST(Safetensors, WaitsOnNoFifoAndReadsNoFolder) {
  const TemporaryFolder folder;
  ASSERT_EQ(mkfifo((folder / "fifo").c_str(), 0600), 0);
  for (const auto &path : {folder / "fifo", folder.path(), folder / "absent"}) {
    const auto file = SafetensorsFile::open(path);
    ASSERT_FALSE(file.ok()) << path;
    EXPECT_EQ(file.error().kind, ErrorKind::kStorage);
  }
}

TEST(Safetensors, EveryTruncationIsAnError) {
  const TemporaryFolder folder;
  const std::string bytes = safetensors_bytes(
      R"({"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})",
      8);
  ASSERT_TRUE(open_bytes(folder, bytes).ok());
  for (size_t size = 0; size < bytes.size(); ++size)
    EXPECT_FALSE(open_bytes(folder, std::string_view(bytes).substr(0, size)).ok()) << size;
}

TEST(Safetensors, AFileThatShrinksIsAnErrorAndNoSignal) {
  const TemporaryFolder folder;
  write_bytes(folder / "a.safetensors", safetensors_bytes(one("F32", "[1024]", "[0,4096]"), 4096));
  const auto file = SafetensorsFile::open(folder / "a.safetensors");
  ASSERT_TRUE(file.ok());
  std::filesystem::resize_file(folder / "a.safetensors", 100);
  const auto tensor = file->read(file->tensors().front());
  ASSERT_FALSE(tensor.ok());
  EXPECT_EQ(tensor.error().kind, ErrorKind::kStorage);
}

TEST(Safetensors, TenThousandFlippedBitsNeverHurt) {
  std::string header = R"({"__metadata__":{"format":"pt"})";
  for (int i = 0; i < 8; ++i) {
    header += fmt::format(R"(,"block.{}.weight":{})", i,
                          entry("BF16", "[4,2]", fmt::format("[{},{}]", 16 * i, 16 * i + 16)));
  }
  header += "}";
  std::mt19937 random(7);
  size_t taken = 0;
  for (int round = 0; round < 10'000; ++round) {
    std::string flipped = header;
    const size_t bit = random() % (flipped.size() * 8);
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ 1 << bit % 8);
    const auto read = parse_safetensors_header(flipped, 128, "flipped");
    if (!read.ok()) continue;
    ++taken;  // another letter of a name
    uint64_t end = 0;
    for (const StoredTensor &tensor : read->tensors) {
      EXPECT_EQ(tensor.offset, end);
      end += tensor.size_bytes;
    }
    EXPECT_EQ(end, 128u);
  }
  EXPECT_GT(taken, 0u);
  EXPECT_LT(taken, 8'000u);
}

}  // namespace
}  // namespace flame
