// image-folder as the host uses it, on pictures that another program wrote and read.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <set>

#include "core/base/file.h"
#include "core/base/json.h"
#include "tests/data/opened_source.h"
#include "tests/support/temporary_folder.h"

namespace flame {
namespace {

namespace fs = std::filesystem;
using data_test::open_images;
using data_test::Settings;
using test::TemporaryFolder;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

const fs::path kPictures = fs::path(FLAME_SOURCE_DIR) / "tests/data/pictures";

class ImageFolderTest : public testing::Test {
 protected:
  ImageFolderTest() { fs::create_directory(data()); }

  fs::path data() const { return folder_ / "data"; }
  void write(const std::string &name, std::string_view content) const {
    fs::create_directories((data() / name).parent_path());
    std::ofstream(data() / name, std::ios::binary) << content;
  }
  // A picture with a caption; `as` is its name here.
  void add(const std::string &name, std::string as = "", std::string_view caption = "a thing") {
    if (as.empty()) as = name;
    fs::copy_file(kPictures / name, data() / as);
    fs::path text = as;
    write(text.replace_extension(".txt").string(), caption);
  }
  static std::string bytes_of(const std::string &name) { return *read_file(kPictures / name); }

  // Small buckets, and an index of the test's own.
  Result<PluginDataSource> open(Settings settings = {}) {
    Settings all = {{"path", {data().string()}},
                    {"index", {(folder_ / "index").string()}},
                    {"resolution", {int64_t{64}}},
                    {"bucket_step", {int64_t{8}}},
                    {"min_bucket", {int64_t{8}}}};
    for (auto &[name, items] : settings) {
      const auto same = [&](const auto &each) { return each.first == name; };
      all.erase(std::remove_if(all.begin(), all.end(), same), all.end());
      all.emplace_back(name, items);
    }
    return open_images(host_, all);
  }
  PluginDataSource opened(Settings settings = {}) {
    Result<PluginDataSource> source = open(std::move(settings));
    EXPECT_TRUE(source.ok()) << source.error().text();
    return *std::move(source);
  }
  std::string refusal(Settings settings = {}) {
    const Result<PluginDataSource> source = open(std::move(settings));
    return source.ok() ? "it was accepted" : source.error().text();
  }
  static std::string notes_of(const PluginDataSource &source) {
    std::string all;
    const auto notes = source.notes();
    EXPECT_TRUE(notes.ok()) << notes.error().text();
    for (const DataNote &note : *notes) all += (note.warning ? "! " : "  ") + note.text + "\n";
    return all;
  }
  static std::string name_of(const PluginDataSource &source, uint64_t example) {
    return fs::path(std::string(source.fields(example, {})->text("source"))).filename();
  }
  static std::vector<float> placement_of(const PluginDataSource &source, uint64_t example,
                                         uint64_t picture) {
    const auto tensor = source.read(example, {picture, 0}, "placement");
    EXPECT_TRUE(tensor.ok()) << tensor.error().text();
    std::vector<float> out(6);
    std::memcpy(out.data(), tensor->bytes.data(), 24);
    return out;
  }

  TemporaryFolder folder_;
  PluginHost host_{{}};
};

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
  const Json expected = *parse_json(*read_file(kPictures / "expected.json"), "expected.json");
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
    fs::copy_file(kPictures / name, data() / (std::string("good_") + name));
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

TEST_F(ImageFolderTest, GivesAVariantForEachCropAndItsMirrorImage) {
  add("rgb.png");
  const PluginDataSource source = opened({{"bucket_step", {int64_t{32}}},
                                          {"crop", {"random"}},
                                          {"crops", {int64_t{3}}},
                                          {"flip", {true}}});
  const auto info = source.info(0);
  EXPECT_EQ(info->picture_variants, 6u);
  const auto shape = source.fields(0, {})->tensors.at("image").shape;
  const auto height = static_cast<float>(shape[0]), width = static_cast<float>(shape[1]);
  std::set<std::vector<float>> corners;
  for (uint64_t draw = 0; draw < 3; ++draw) {
    const auto plain = placement_of(source, 0, draw);
    const auto mirrored = placement_of(source, 0, draw + 3);
    corners.insert(plain);
    EXPECT_EQ(plain[4], height);
    EXPECT_EQ(plain[5], width);
    EXPECT_EQ(plain[2], mirrored[2]);
    const auto a = source.read(0, {draw, 0}, "image"), b = source.read(0, {draw + 3, 0}, "image");
    ASSERT_TRUE(a.ok() && b.ok());
    EXPECT_NE(a->bytes, b->bytes);
    const auto columns = static_cast<size_t>(width), rows = static_cast<size_t>(height);
    for (size_t y = 0; y < rows; ++y)
      for (size_t x = 0; x < columns; ++x)
        for (size_t c = 0; c < 3; ++c)
          ASSERT_EQ(a->bytes[(y * columns + x) * 3 + c],
                    b->bytes[(y * columns + columns - 1 - x) * 3 + c]);
  }
  EXPECT_GT(corners.size(), 1u);
  EXPECT_EQ(source.read(0, {6, 0}, "image").error().kind, ErrorKind::kBadConfig);
}

TEST_F(ImageFolderTest, TakesMasksFromAFolderOrFromTransparency) {
  add("alpha.png");
  add("rgb.png");
  const PluginDataSource by_alpha = opened({{"alpha", {"mask"}}});
  const auto mask = by_alpha.read(0, {}, "mask");
  ASSERT_TRUE(mask.ok()) << mask.error().text();
  EXPECT_EQ(mask->type, (TensorType{DType::kU8, Shape{48, 72, 1}}));
  EXPECT_EQ(mask->bytes.front(), std::byte{0});
  EXPECT_EQ(mask->bytes.back(), std::byte{255});
  EXPECT_NEAR(static_cast<int>(mask->bytes[30]), 128, 3);
  EXPECT_FALSE(by_alpha.fields(1, {})->tensors.contains("mask"));

  fs::create_directory(data() / "masks");
  fs::copy_file(kPictures / "grey.png", data() / "masks/rgb.png");
  const PluginDataSource by_file =
      opened({{"path", {data().string() + " masks=masks"}}, {"recursive", {true}}});
  ASSERT_EQ(by_file.count(), 2u) << "masks are no pictures";
  const auto grey = by_file.read(1, {}, "mask");
  ASSERT_TRUE(grey.ok()) << grey.error().text();
  EXPECT_EQ(grey->bytes.front(), std::byte{0});
  EXPECT_EQ(grey->bytes.back(), std::byte{255});
  EXPECT_NE(*by_file.identity(1), *by_alpha.identity(1)) << "the mask is one of its tensors";
}

TEST_F(ImageFolderTest, KnowsPicturesByTheirContentAndWhatIsDoneToThem) {
  add("rgb.png", "a.png");
  add("rgb.png", "b.png", "another caption");
  add("plain.jpg");
  const PluginDataSource source = opened();
  EXPECT_EQ(*source.identity(0), *source.identity(1)) << "captions are their own identity";
  EXPECT_NE(*source.identity(0), *source.identity(2));
  EXPECT_EQ(*source.identity(0), *opened({{"flip", {true}}}).identity(0));
  EXPECT_NE(*source.identity(0), *opened({{"resolution", {int64_t{80}}}}).identity(0));
}

TEST_F(ImageFolderTest, OpensNoPictureASecondTime) {
  add("rgb.png");
  add("plain.jpg");
  add("lossy.webp");
  std::string first;
  {
    const PluginDataSource source = opened();
    for (uint64_t i = 0; i < 3; ++i) first += *source.identity(i) + "\n";
    EXPECT_THAT(notes_of(source), HasSubstr("files looked into: 3,"));
  }
  // A file that cannot be opened shows who tries to. (Root opens all, so it is also made another.)
  for (const char *name : {"rgb.png", "plain.jpg", "lossy.webp"}) {
    const fs::path path = data() / name;
    struct stat before {};
    stat(path.c_str(), &before);
    std::ofstream(path, std::ios::binary) << std::string(static_cast<size_t>(before.st_size), 'x');
    const timespec times[] = {before.st_atim, before.st_mtim};
    utimensat(AT_FDCWD, path.c_str(), times, 0);
  }
  const PluginDataSource source = opened();
  std::string second;
  for (uint64_t i = 0; i < source.count(); ++i) second += *source.identity(i) + "\n";
  EXPECT_EQ(first, second);
  EXPECT_THAT(notes_of(source), HasSubstr("files looked into: 0,"));
}

TEST_F(ImageFolderTest, LooksAnewAtWhatHasChangedAndAtABrokenIndex) {
  add("rgb.png");
  add("plain.jpg");
  { opened(); }
  fs::remove(data() / "rgb.png");
  fs::copy_file(kPictures / "palette.png", data() / "rgb.png");
  EXPECT_THAT(notes_of(opened()), HasSubstr("files looked into: 1,"));
  for (const auto &file : fs::directory_iterator(folder_ / "index")) {
    std::string content = *read_file(file.path());
    content[content.size() / 2] ^= 1;
    std::ofstream(file.path(), std::ios::binary) << content;
  }
  EXPECT_THAT(notes_of(opened()), HasSubstr("files looked into: 2,"));
}

TEST_F(ImageFolderTest, RefusesAPictureThatChangesDuringTheRun) {
  add("rgb.png");
  const PluginDataSource source = opened();
  write("rgb.png", bytes_of("palette.png"));
  EXPECT_THAT(source.read(0, {}, "image").error().text(),
              AllOf(HasSubstr("rgb.png"), HasSubstr("has changed since the run began")));
}

TEST_F(ImageFolderTest, WorksWithoutAPlaceForItsIndex) {
  add("rgb.png");
  write("../blocked", "a file where a folder should be");
  const PluginDataSource source = opened({{"index", {(folder_ / "blocked").string()}}});
  EXPECT_EQ(source.count(), 1u);
  EXPECT_TRUE(source.read(0, {}, "image").ok());
}

TEST_F(ImageFolderTest, WritesNothingIntoTheFolder) {
  add("rgb.png");
  { opened().identity(0).ok(); }
  EXPECT_EQ(std::distance(fs::directory_iterator(data()), fs::directory_iterator()), 2);
}

TEST_F(ImageFolderTest, SaysWhatIsWrongWithItsData) {
  EXPECT_THAT(refusal({{"path", {(folder_ / "none").string()}}}),
              AllOf(HasSubstr("No such file or directory"), HasSubstr("correct the path")));
  EXPECT_THAT(refusal(), AllOf(HasSubstr("has no pictures"), HasSubstr("recursive: true")));
  EXPECT_EQ(open().error().kind, ErrorKind::kBadConfig);
  write("a.png", "no picture");
  write("b.jpg", "");
  EXPECT_THAT(refusal(),
              AllOf(HasSubstr("none of the 2 pictures can be used"),
                    HasSubstr("a.png: it is no picture"), HasSubstr("b.jpg: it is empty")));
  EXPECT_EQ(open().error().kind, ErrorKind::kStorage);
  fs::copy_file(kPictures / "rgb.png", data() / "c.png");
  EXPECT_THAT(refusal(), AllOf(HasSubstr("none of the 1 pictures has a caption"),
                               HasSubstr("c.txt"), HasSubstr("captions: none")));
  EXPECT_EQ(open().error().kind, ErrorKind::kBadConfig);
  EXPECT_THAT(refusal({{"bucket_step", {int64_t{128}}}}), HasSubstr("'bucket_step' is 128"));
  EXPECT_THAT(refusal({{"path", {data().string() + " repeat=3"}}}),
              AllOf(HasSubstr("'repeat=3' of a folder"), HasSubstr("repeats=3")));
}

TEST_F(ImageFolderTest, BalancesRegularisationAndTakesWeights) {
  add("rgb.png", "a.png");
  add("rgb.png", "b.png");
  fs::create_directory(folder_ / "class pictures");
  for (const char *name : {"1.png", "2.png", "3.png"})
    fs::copy_file(kPictures / "plain.jpg", folder_ / "class pictures" / name);
  const PluginDataSource source = opened(
      {{"path", {data().string() + " repeats=6"}},
       {"folders", {(folder_ / "class pictures").string() + " regularisation=true weight=0.5"}},
       {"captions", {"names"}},
       {"trigger", {"sks"}}});
  ASSERT_EQ(source.count(), 5u);
  EXPECT_EQ(source.info(0)->repeats, 6);
  EXPECT_EQ(source.info(0)->loss_weight, 1);
  EXPECT_EQ(source.fields(0, {})->text("caption"), "sks, a");
  EXPECT_EQ(source.info(4)->repeats, 4) << "2 pictures · 6 = 3 pictures · 4";
  EXPECT_EQ(source.info(4)->loss_weight, 0.5);
  EXPECT_EQ(source.fields(4, {})->text("caption"), "3") << "no trigger";
  EXPECT_THAT(notes_of(source), HasSubstr("stands 4 times in an epoch"));
}

TEST_F(ImageFolderTest, GivesClassPicturesTheirPromptWhereTheyHaveNoCaption) {
  add("rgb.png", "a.png");
  write("a.txt", "photo of sks dog");
  fs::create_directory(folder_ / "class");
  for (const char *name : {"1.jpg", "2.jpg"})
    fs::copy_file(kPictures / "plain.jpg", folder_ / "class" / name);
  std::ofstream(folder_ / "class/2.txt") << "a dog that sleeps";
  const PluginDataSource source =
      opened({{"folders", {(folder_ / "class").string() + " regularisation=true weight=0.5"}},
              {"class_prompt", {"photo of a dog"}},
              {"strict", {true}}});
  ASSERT_EQ(source.count(), 3u);
  EXPECT_EQ(source.fields(0, {})->text("caption"), "photo of sks dog");
  EXPECT_EQ(source.fields(1, {})->text("caption"), "photo of a dog");
  EXPECT_EQ(source.fields(2, {})->text("caption"), "a dog that sleeps");
}

TEST_F(ImageFolderTest, PrintsItsBuckets) {
  add("rgb.png");
  add("plain.jpg");
  add("turned.png");
  EXPECT_THAT(notes_of(opened({{"upscale", {true}}, {"bucket_step", {int64_t{32}}}})),
              AllOf(HasSubstr("     bucket    pictures"), HasSubstr("pictures used: 3 of 3;")));
}

TEST_F(ImageFolderTest, NamesProfilesThatItDoesNotFollow) {
  add("profile.jpg");
  add("profile.png");
  add("profile.webp");
  add("cmyk.jpg");
  add("deep.png");
  const std::string notes = notes_of(opened());
  EXPECT_THAT(notes, HasSubstr("with the colour profile 'Lab"));
  EXPECT_THAT(notes, HasSubstr("CMYK pictures: 1;"));
  EXPECT_THAT(notes, HasSubstr("pictures with 16 bits a channel: 1;"));
}

TEST_F(ImageFolderTest, MakesAsManyCaptionsAsItIsAskedFor) {
  add("rgb.png", "", "[trigger], red, green, blue, white");
  const Settings shuffled = {
      {"shuffle_tags", {true}}, {"keep_tokens", {int64_t{1}}}, {"trigger", {"sks"}}};
  const PluginDataSource fresh = opened(shuffled);
  EXPECT_EQ(fresh.info(0)->caption_variants, 0u);
  std::set<std::string> captions;
  for (uint64_t draw = 0; draw < 50; ++draw) {
    const std::string caption(fresh.fields(0, {0, draw})->text("caption"));
    EXPECT_THAT(caption, testing::StartsWith("sks, "));
    captions.insert(caption);
  }
  EXPECT_GT(captions.size(), 10u);
  Settings few = shuffled;
  few.push_back({"caption_variants", {int64_t{4}}});
  const PluginDataSource some = opened(few);
  EXPECT_EQ(some.info(0)->caption_variants, 4u);
  EXPECT_EQ(some.fields(0, {0, 3})->text("caption"), fresh.fields(0, {0, 3})->text("caption"));
  EXPECT_FALSE(some.fields(0, {0, 4}).ok());
  EXPECT_EQ(opened().info(0)->caption_variants, 1u);
}

}  // namespace
}  // namespace flame
