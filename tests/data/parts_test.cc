// The parts of image-folder that need no host: headers, buckets, captions, the index.
#include <gmock/gmock.h>

#include <cstring>
#include <fstream>
#include <iterator>

#include "flame/error.hpp"
#include "plugins/data/image_folder/caption_text.h"
#include "plugins/data/image_folder/captions.h"
#include "plugins/data/image_folder/file_index.h"
#include "plugins/data/image_folder/folder_options.h"
#include "plugins/data/image_folder/geometry.h"
#include "plugins/data/image_folder/picture_header.h"

namespace image_folder {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

class Memory : public ByteSource {
 public:
  explicit Memory(std::string bytes) : bytes_(std::move(bytes)) {}
  size_t read(uint64_t offset, void *into, size_t size) override {
    if (offset >= bytes_.size()) return 0;
    const size_t count = std::min<size_t>(size, bytes_.size() - static_cast<size_t>(offset));
    std::memcpy(into, bytes_.data() + offset, count);
    return count;
  }

 private:
  std::string bytes_;
};

std::string picture(const std::string &name) {
  std::ifstream file(FLAME_SOURCE_DIR "/tests/data/pictures/" + name, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

PictureHeader header_of(const std::string &bytes) {
  Memory memory(bytes);
  return read_picture_header(memory);
}

// The header, or nothing; never anything worse.
bool is_read(const std::string &bytes) {
  try {
    const PictureHeader header = header_of(bytes);
    EXPECT_GT(header.width, 0u);
    EXPECT_LE(uint64_t{header.width} * header.height, kMaxPixels);
    EXPECT_GE(header.orientation, 1);
    EXPECT_LE(header.orientation, 8);
    return true;
  } catch (const flame::Error &error) {
    EXPECT_STRNE(error.what(), "");
    return false;
  }
}

const char *const kKinds[] = {"rgb.png",     "plain.jpg",   "lossy.webp",  "lossless.webp",
                              "alpha.webp",  "turned6.jpg", "turned.png",  "turned.webp",
                              "profile.jpg", "profile.png", "profile.webp"};

TEST(PictureHeader, TellsWhatAFileHolds) {
  for (const char *name : kKinds) {
    SCOPED_TRACE(name);
    const PictureHeader header = header_of(picture(name));
    const bool turned = std::string(name).find("turned") == 0;
    EXPECT_EQ(header.width, turned ? 64u : 96u);
    EXPECT_EQ(header.height, turned ? 96u : 64u);
    EXPECT_EQ(header.orientation, turned ? 6 : 1);
    EXPECT_EQ(header.profile.empty(), std::string(name).find("profile") != 0);
    EXPECT_EQ(header.alpha, std::string(name) == "alpha.webp");
  }
  EXPECT_TRUE(header_of(picture("cmyk.jpg")).cmyk);
  EXPECT_TRUE(header_of(picture("deep.png")).deep);
  EXPECT_TRUE(header_of(picture("alpha.png")).alpha);
}

TEST(PictureHeader, SurvivesEveryTruncation) {
  for (const char *name : kKinds) {
    const std::string whole = picture(name);
    for (size_t size = 0; size < std::min<size_t>(whole.size(), 2000); ++size)
      is_read(whole.substr(0, size));
    EXPECT_FALSE(is_read(whole.substr(0, 20))) << name;
  }
}

TEST(PictureHeader, SurvivesDamage) {
  uint32_t state = 7;
  const auto next = [&](uint32_t bound) {
    state = state * 1664525u + 1013904223u;
    return (state >> 8) % bound;
  };
  for (const char *name : kKinds) {
    const std::string whole = picture(name).substr(0, 2000);
    for (int i = 0; i < 2000; ++i) {
      std::string damaged = whole;
      for (uint32_t k = 0; k <= next(4); ++k)
        damaged[next(static_cast<uint32_t>(damaged.size()))] = static_cast<char>(next(256));
      is_read(damaged);
    }
  }
}

TEST(PictureHeader, KnowsAWholeJpeg) {
  for (const char *name : {"plain.jpg", "progressive.jpg", "turned6.jpg", "cmyk.jpg"}) {
    const std::string whole = picture(name);
    EXPECT_TRUE(is_whole_jpeg(whole)) << name;
    EXPECT_TRUE(is_whole_jpeg(whole + "more behind it"));
    for (const size_t size : {whole.size() - 1, whole.size() / 2, size_t{4}, size_t{0}})
      EXPECT_FALSE(is_whole_jpeg(whole.substr(0, size))) << name << " " << size;
  }
}

TEST(PictureHeader, TakesNonsenseInExifForUpright) {
  using namespace std::string_literals;
  EXPECT_EQ(exif_orientation(""), 1);
  EXPECT_EQ(exif_orientation("II*\0\xff\xff\xff\xff"s), 1);
  EXPECT_EQ(exif_orientation("MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x08\0\0"s), 8);
  EXPECT_EQ(exif_orientation("MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x09\0\0"s), 1);
  EXPECT_EQ(exif_orientation("MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0"s), 1);
  EXPECT_EQ(profile_name(std::string(200, '\xff')), "");
}

struct Placed {
  int width, height;
  bool upscale;
  int resized_width, resized_height, bucket_width, bucket_height;
};

// What kohya's rule gives for 1024² in steps of 64, sides from 256 to 2048.
TEST(Buckets, AreKohyas) {
  const Placed kPlaced[] = {
      {1024, 1024, false, 1024, 1024, 1024, 1024}, {3000, 2000, false, 1248, 832, 1216, 832},
      {4000, 3000, false, 1109, 832, 1088, 832},   {1920, 1080, false, 1365, 768, 1344, 768},
      {800, 600, false, 800, 600, 768, 576},       {512, 512, false, 512, 512, 512, 512},
      {1080, 1920, false, 768, 1365, 768, 1344},   {3000, 2000, true, 1248, 832, 1216, 832},
      {512, 512, true, 1024, 1024, 1024, 1024},    {1920, 1080, true, 1365, 768, 1344, 768},
      {300, 100, true, 1728, 576, 1728, 576}};
  for (const Placed &placed : kPlaced) {
    SCOPED_TRACE(std::to_string(placed.width) + "x" + std::to_string(placed.height));
    const auto got = place(placed.width, placed.height, {1024, 64, 256, 2048, placed.upscale});
    ASSERT_TRUE(got);
    EXPECT_EQ(got->resized_width, placed.resized_width);
    EXPECT_EQ(got->resized_height, placed.resized_height);
    EXPECT_EQ(got->bucket_width, placed.bucket_width);
    EXPECT_EQ(got->bucket_height, placed.bucket_height);
  }
}

TEST(Buckets, NeverEnlargeUnlessAskedTo) {
  for (int width = 64; width < 5000; width += 37) {
    for (int height = 64; height < 5000; height += 401) {
      const auto got = place(width, height, {1024, 64, 256, 2048, false});
      if (!got) continue;
      EXPECT_LE(got->resized_width, width);
      EXPECT_LE(got->resized_height, height);
      EXPECT_LE(got->bucket_width, std::min(got->resized_width, 2048));
      EXPECT_LE(got->bucket_height, std::min(got->resized_height, 2048));
      EXPECT_EQ(got->bucket_width % 64, 0);
    }
  }
  EXPECT_FALSE(place(63, 1000, {1024, 64, 256, 2048, false}));
  EXPECT_TRUE(place(63, 100, {1024, 64, 256, 2048, true}));
}

TEST(Buckets, HoldEveryRandomCorner) {
  const auto placed = place(1920, 1080, {1024, 64, 256, 2048, false});
  for (uint64_t i = 0; i < 1000; ++i) {
    const Corner corner = random_corner(*placed, i, i * i);
    EXPECT_GE(corner.left, 0);
    EXPECT_GE(corner.top, 0);
    EXPECT_LE(corner.left + placed->bucket_width, placed->resized_width);
    EXPECT_LE(corner.top + placed->bucket_height, placed->resized_height);
  }
}

TEST(CaptionText, PutsTheTriggerWhereItBelongs) {
  EXPECT_EQ(make_caption("a photo of [trigger]", {.trigger = "sks"}, 0), "a photo of sks");
  EXPECT_EQ(make_caption("a dog", {.trigger = "sks"}, 0), "sks, a dog");
  EXPECT_EQ(make_caption("a sks dog", {.trigger = "sks"}, 0), "a sks dog");
  EXPECT_EQ(make_caption("a [trigger] dog", {}, 0), "a  dog");
  EXPECT_EQ(make_caption("", {.trigger = "sks", .prefix = "best", .suffix = "8k"}, 0),
            "best, sks, 8k");
}

TEST(CaptionText, ShufflesAndDropsAllButTheFirstTags) {
  const CaptionRule rule{.shuffle = true, .keep = 2, .tag_dropout = 0.5};
  size_t tags = 0;
  for (uint64_t i = 0; i < 400; ++i) {
    const std::string caption = make_caption("a, b, c, d, e, f", rule, i);
    EXPECT_EQ(caption.substr(0, 4), "a, b");
    EXPECT_EQ(caption, make_caption("a, b, c, d, e, f", rule, i));
    tags += static_cast<size_t>(std::count(caption.begin(), caption.end(), ',')) - 1;
  }
  EXPECT_NEAR(static_cast<double>(tags) / 400, 2.0, 0.3) << "half of four";
  EXPECT_EQ(make_caption("", {.shuffle = true}, 3), "");
  EXPECT_EQ(make_caption(",, ,", {.shuffle = true}, 3), "");
  EXPECT_EQ(make_caption("kept  as,it is", {}, 3), "kept  as,it is");
}

TEST(CaptionTables, AreReadFromJsonLinesAndCsv) {
  EXPECT_THAT(parse_jsonl("{\"file_name\": \"a.png\", \"text\": \"x\\ny\"}\n\n"
                          "{\"text\":\"z\",\"file_name\":\"b.png\", \"more\": [1]}",
                          "m.jsonl"),
              ElementsAre(Pair("a.png", "x y"), Pair("b.png", "z")));
  EXPECT_THAT(parse_csv("text,file_name\r\n\"a, \"\"b\"\"\",1.png\r\nc,2.png", "m.csv"),
              ElementsAre(Pair("1.png", "a, \"b\""), Pair("2.png", "c")));
}

TEST(CaptionTables, NameTheLineThatIsWrong) {
  const auto reason = [](auto &&parse, std::string_view text) -> std::string {
    try {
      parse(text, "the file");
    } catch (const flame::Error &error) {
      return error.what();
    }
    return "it was accepted";
  };
  EXPECT_THAT(reason(parse_jsonl, "{}\n"), HasSubstr("the file:1: no 'file_name'"));
  EXPECT_THAT(reason(parse_jsonl, "{\"file_name\":\"a\"}\n[1]"), HasSubstr("the file:2:"));
  EXPECT_THAT(reason(parse_jsonl, std::string(100000, '[')), HasSubstr("the file:1:"));
  EXPECT_THAT(reason(parse_csv, "a,b\n1,2"), HasSubstr("must name the columns"));
  EXPECT_THAT(reason(parse_csv, "text,file\nx,1\ny"), HasSubstr("the file:3: 1 columns"));
  EXPECT_THAT(reason(parse_csv, "text,file\n\"x,1\n"), HasSubstr("the file:2: a quote"));
}

TEST(FolderOptions, StandBehindThePath) {
  const FolderOptions got =
      parse_folder("/data/my dog = good repeats=3 weight=0.5 regularisation=true masks=m");
  EXPECT_EQ(got.path, "/data/my dog = good");
  EXPECT_EQ(got.repeats, 3);
  EXPECT_EQ(got.weight, 0.5);
  EXPECT_TRUE(got.regularisation);
  EXPECT_EQ(got.masks, "m");
  EXPECT_FALSE(parse_folder("/a").repeats);
  for (const char *wrong : {"/a repeats=x", "/a repeats=-1", "/a repeats=nan", "/a weight=",
                            "/a regularisation=yes", "/a masks=..", "/a colour=red", "", "  "})
    EXPECT_THROW(parse_folder(wrong), flame::Error) << wrong;
}

TEST(FileIndex, ComesBackAsItWasWritten) {
  FactsByName facts;
  facts["a b\t%\n.png"] = {
      12, -5, "", false, {Format::kWebp, 3, 4, 6, true, false, true, "P 3"}, std::string(64, 'a')};
  facts["b.gif"] = {1, 2, "it is GIF; convert it", true, {}, ""};
  const std::string text = write_index(facts);
  const FactsByName got = read_index(text);
  ASSERT_EQ(got.size(), 2u);
  const FileFacts &first = got.at("a b\t%\n.png");
  EXPECT_EQ(first.size, 12u);
  EXPECT_EQ(first.modified_ns, -5);
  EXPECT_EQ(first.header.format, Format::kWebp);
  EXPECT_EQ(first.header.orientation, 6);
  EXPECT_TRUE(first.header.alpha && first.header.deep && !first.header.cmyk);
  EXPECT_EQ(first.header.profile, "P 3");
  EXPECT_EQ(first.sha256, std::string(64, 'a'));
  EXPECT_TRUE(got.at("b.gif").ignored);
  EXPECT_EQ(got.at("b.gif").problem, "it is GIF; convert it");
  EXPECT_TRUE(read_index(write_index({})).empty());
}

TEST(FileIndex, GivesNothingIfItIsDamaged) {
  const std::string text = write_index({{"a.png", {1, 2, "", false, {}, ""}}});
  for (size_t size = 0; size < text.size(); ++size)
    EXPECT_TRUE(read_index(text.substr(0, size)).empty()) << size;
  for (size_t at = 0; at < text.size(); ++at) {
    std::string damaged = text;
    damaged[at] ^= 4;
    EXPECT_TRUE(read_index(damaged).empty()) << at;
  }
}

}  // namespace
}  // namespace image_folder
