// Pixels of image-folder: those that another program reads, from a process of its own.
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <iterator>

#include "core/base/json.h"
#include "tests/data/image_folder_fixture.h"

namespace flame {
namespace {

namespace fs = std::filesystem;
using data_test::ImageFolderTest;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

std::vector<double> block_means(const HostTensor &image) {
  std::vector<double> out;
  for (int by = 0; by < 6; ++by)
    for (int bx = 0; bx < 9; ++bx)
      for (int c = 0; c < 3; ++c) {
        double sum = 0;
        for (int y = 0; y < 8; ++y)
          for (int x = 0; x < 8; ++x)
            sum += static_cast<double>(
                image.bytes[static_cast<size_t>(((by * 8 + y) * 72 + bx * 8 + x) * 3 + c)]);
        out.push_back(sum / 64);
      }
  return out;
}

TEST_F(ImageFolderTest, SeesEveryKindOfPictureAsPillowDoes) {
  const Json expected = *parse_json(*read_file(pictures() / "expected.json"), "expected.json");
  for (const auto &[name, blocks] : *expected.as_object()) add(name);
  const PluginDataSource source = opened();
  ASSERT_EQ(source.count(), expected.as_object()->size()) << notes_of(source);
  for (uint64_t i = 0; i < source.count(); ++i) {
    const std::string name = name_of(source, i);
    SCOPED_TRACE(name);
    const auto image = source.read(i, {}, "image");
    ASSERT_TRUE(image.ok()) << image.error().text();
    ASSERT_EQ(image->type, (TensorType{DType::kU8, Shape{48, 72, 3}}));
    const auto means = block_means(*image);
    const Json::Array &wanted = *expected.find(name)->as_array();
    // Without a profile each program has a way of its own from CMYK.
    const double tolerance = name == "cmyk.jpg" ? 24 : 1.5;
    for (size_t k = 0; k < means.size(); ++k)
      ASSERT_NEAR(means[k], wanted[k].as_number(), tolerance) << "block " << k;
    EXPECT_THAT(placement_of(source, i, 0), ElementsAre(64, 96, 0, 0, 48, 72));
  }
}

TEST_F(ImageFolderTest, ResizesAsPillowsLanczosDoes) {
  add("rgb.png");
  const auto image = opened().read(0, {}, "image");
  ASSERT_TRUE(image.ok()) << image.error().text();
  const std::string wanted = bytes_of("rgb.raw");
  ASSERT_EQ(image->bytes.size(), wanted.size());
  for (size_t i = 0; i < wanted.size(); ++i)
    ASSERT_NEAR(static_cast<int>(image->bytes[i]), static_cast<unsigned char>(wanted[i]), 1) << i;
}

TEST_F(ImageFolderTest, LeavesOutWhatItCannotUseAndSaysWhy) {
  add("rgb.png");
  add("indexed.gif");
  add("animated.webp");
  write("empty.png", "");
  write("text.jpg", "no picture at all");
  write("page.webp", "<!DOCTYPE html>");
  write("cut.png", bytes_of("rgb.png").substr(0, 30));
  std::string bomb = bytes_of("rgb.png");
  bomb.replace(16, 8, std::string("\x00\x01\x86\xa0\x00\x01\x86\xa0", 8));
  write("bomb.png", bomb);
  bomb.replace(16, 8, std::string(8, '\0'));
  write("zero.png", bomb);
  write("notes.md", "not even looked at");
  write("unknown", "neither");
  fs::create_symlink("loop.png", data() / "loop.png");
  fs::create_symlink("nowhere.png", data() / "gone.png");
  mkfifo((data() / "pipe.png").c_str(), 0600);
  std::ofstream(data() / "odd\xff.png", std::ios::binary) << bytes_of("rgb.png");
  const PluginDataSource source = opened();
  EXPECT_EQ(source.count(), 1u);
  const std::string notes = notes_of(source);
  for (const char *told :
       {"indexed.gif: it is GIF; PNG, JPEG and WebP are taken", "animated.webp: it is animated",
        "empty.png: it is empty", "text.jpg: it is no picture", "page.webp: it is HTML",
        "cut.png: the file ends early", "bomb.png: it has 100000×100000 pixels",
        "zero.png: it has 0×0 pixels", "loop.png: it cannot be opened: Too many levels",
        "gone.png: it cannot be opened: No such file", "pipe.png: it is no regular file",
        "odd\\xff.png: its name is no UTF-8"})
    EXPECT_THAT(notes, HasSubstr(told));
  EXPECT_THAT(notes, Not(HasSubstr("notes.md")));
  EXPECT_THAT(notes, Not(HasSubstr("unknown")));
  EXPECT_THAT(refusal({{"strict", {true}}}),
              AllOf(HasSubstr("12 of 13 pictures cannot be used"), HasSubstr("bomb.png")));
  EXPECT_EQ(open({{"strict", {true}}}).error().kind, ErrorKind::kBadConfig);
}

TEST_F(ImageFolderTest, NamesPicturesWhosePixelsAreBroken) {
  for (const char *name : {"plain.jpg", "rgb.png", "lossy.webp", "lossless.webp"}) {
    const std::string whole = bytes_of(name);
    write(std::string("cut_") + name, std::string_view(whole).substr(0, whole.size() * 2 / 3));
    write(fs::path(std::string("cut_") + name).replace_extension(".txt").string(), "a");
    fs::copy_file(pictures() / name, data() / (std::string("good_") + name));
  }
  const PluginDataSource source = opened({{"captions", {"names"}}});
  ASSERT_EQ(source.count(), 8u);
  for (uint64_t i = 0; i < 8; ++i) {
    const auto image = source.read(i, {}, "image");
    EXPECT_EQ(image.ok(), name_of(source, i).starts_with("good_")) << name_of(source, i);
    if (image.ok()) continue;
    EXPECT_EQ(image.error().kind, ErrorKind::kStorage);
    EXPECT_THAT(image.error().text(), HasSubstr(name_of(source, i)));
  }
}

// One byte after the other is damaged; whatever the library makes of it, this process lives and the
// next picture is read.
TEST_F(ImageFolderTest, SurvivesDamagedPictures) {
  uint32_t state = 1;
  for (const char *name : {"plain.jpg", "rgb.png", "lossy.webp", "palette.png"}) {
    const std::string whole = bytes_of(name);
    for (int i = 0; i < 40; ++i) {
      std::string damaged = whole;
      for (int k = 0; k < 3; ++k) {
        state = state * 1664525u + 1013904223u;
        damaged[(state >> 8) % damaged.size()] ^= static_cast<char>(1 << (state >> 29));
      }
      write(std::to_string(i) + name, damaged);
    }
  }
  add("rgb.png", "~last.png");
  const PluginDataSource source = opened({{"captions", {"none"}}, {"trigger", {"a thing"}}});
  for (uint64_t i = 0; i < source.count(); ++i) {
    const auto image = source.read(i, {}, "image");
    EXPECT_TRUE(image.ok() || image.error().kind == ErrorKind::kStorage) << image.error().text();
    EXPECT_TRUE(image.ok() || name_of(source, i) != "~last.png");
  }
}

// The children of this process.
std::vector<pid_t> children() {
  std::ifstream list("/proc/self/task/" + std::to_string(getpid()) + "/children");
  return {std::istream_iterator<pid_t>(list), {}};
}

TEST_F(ImageFolderTest, DecodesInAProcessThatEndsWithIt) {
  add("rgb.png");
  {
    const PluginDataSource source = opened();
    EXPECT_THAT(children(), IsEmpty()) << "until a picture is wanted";
    ASSERT_TRUE(source.read(0, {}, "image").ok());
    ASSERT_EQ(children().size(), 1u);
    EXPECT_NE(getpgid(children()[0]), getpgid(0)) << "Ctrl-C is for the host";
  }
  EXPECT_THAT(children(), IsEmpty());
}

TEST_F(ImageFolderTest, StartsAnotherProcessWhenOneIsKilled) {
  add("rgb.png");
  const PluginDataSource source = opened();
  const auto before = source.read(0, {}, "image");
  for (int i = 0; i < 3; ++i) {
    kill(children().at(0), SIGKILL);
    const auto again = source.read(0, {}, "image");
    ASSERT_TRUE(again.ok()) << again.error().text();
    EXPECT_EQ(again->bytes, before->bytes);
  }
}

TEST_F(ImageFolderTest, KeepsAPictureFromTakingTheMemory) {
#if defined(__SANITIZE_ADDRESS__)
  GTEST_SKIP() << "AddressSanitizer maps terabytes, so that its process has no limit of memory";
#endif
  const std::string script =
      "import struct,sys,zlib\n"
      "def part(k,d): return struct.pack('>I',len(d))+k+d+struct.pack('>I',zlib.crc32(k+d))\n"
      "w=h=9000\n"
      "z=zlib.compressobj(9)\n"
      "rows=b''.join(z.compress(bytes(1+3*w)) for _ in range(h))+z.flush()\n"
      "open(sys.argv[1],'wb').write(b'\\x89PNG\\r\\n\\x1a\\n'+part(b'IHDR',"
      "struct.pack('>IIBBBBB',w,h,8,2,0,0,0))+part(b'IDAT',rows)+part(b'IEND',b''))\n";
  write("../make.py", script);
  const std::string command =
      FLAME_PYTHON " " + (folder_ / "make.py").string() + " " + (data() / "large.png").string();
  ASSERT_EQ(std::system(command.c_str()), 0);
  add("rgb.png", "small.png");
  const PluginDataSource source =
      opened({{"captions", {"names"}}, {"decoder_memory", {int64_t{256} << 20}}});
  ASSERT_EQ(source.count(), 2u);
  const auto large = source.read(0, {}, "image");
  ASSERT_FALSE(large.ok());
  EXPECT_EQ(large.error().kind, ErrorKind::kStorage);
  EXPECT_THAT(large.error().text(), HasSubstr("large.png: "));
  const auto small = source.read(1, {}, "image");
  EXPECT_TRUE(small.ok()) << small.error().text() << "\nafter " << large.error().text();
}

}  // namespace
}  // namespace flame
