// The exporter png: what it writes is read back by a reader of the test's own (read_png.py).
#include <gmock/gmock.h>

#include <cmath>
#include <fstream>
#include <limits>
#include <sstream>

#include "core/base/call_scope.h"
#include "core/plugin/attribute_list.h"
#include "core/plugin/plugin_host.h"
#include "flame/exporter.h"
#include "tests/exporters/given_tensors.h"
#include "tests/support/temporary_folder.h"

namespace flame {
namespace {

using exporter_test::Given;
using exporter_test::GivenTensors;
using test::TemporaryFolder;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

using Facts = std::vector<std::pair<std::string, std::string>>;

// What stands in a file.
struct Read {
  std::vector<int64_t> size;  // height, width, channels
  std::vector<std::string> chunks;
  Facts texts;
  std::vector<double> pixels;
};

std::string from_hex(const std::string &hex) {
  std::string bytes;
  for (size_t i = 0; i + 1 < hex.size(); i += 2)
    bytes += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
  return bytes;
}

Read read_png(const std::string &file) {
  const std::string command = FLAME_PYTHON " " FLAME_SOURCE_DIR "/tests/exporters/read_png.py ";
  FILE *pipe = popen((command + file).c_str(), "r");
  std::string answer;
  char piece[4096];
  while (const size_t count = fread(piece, 1, sizeof piece, pipe)) answer.append(piece, count);
  EXPECT_EQ(pclose(pipe), 0) << answer;
  Read read;
  std::istringstream lines(answer);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string what, first, second;
    words >> what;
    if (what == "size") {
      read.size.resize(3);
      words >> read.size[1] >> read.size[0] >> read.size[2];
    }
    words >> first >> second;
    if (what == "chunk") read.chunks.push_back(first);
    if (what == "text") read.texts.emplace_back(from_hex(first), from_hex(second));
    if (what != "pixels") continue;
    for (const char byte : from_hex(first)) read.pixels.push_back(static_cast<unsigned char>(byte));
  }
  return read;
}

std::string bytes_of(const std::string &file) {
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

// Pixels of which no two neighbours are alike.
Given noisy(std::vector<int64_t> shape) {
  Given given;
  uint32_t state = 1;
  for (int64_t i = 0; i < shape[0] * shape[1] * shape[2]; ++i) {
    state = state * 1664525u + 1013904223u;
    given.numbers.push_back(state >> 24);
  }
  given.shape = std::move(shape);
  return given;
}

// A colour that changes slowly from corner to corner.
Given smooth() {
  Given given{.shape = {128, 160, 3}};
  for (int i = 0; i < 128 * 160 * 3; ++i)
    given.numbers.push_back((i / 480 + i % 480 / 3 + 40 * (i % 3)) % 256);
  return given;
}

class Png : public testing::Test {
 protected:
  Result<StartedComponent> start(const std::filesystem::path &plugins) {
    const Catalogue catalogue = Catalogue::scan({plugins});
    FLAME_ASSIGN(const Catalogue::Match match, catalogue.find("exporter", "png"));
    return host_.start(match);
  }

  enum class Do {
    kCheck,
    kWrite
  };
  Status run(Do what, const GivenTensors &tensors, const AttributeList &facts = {},
             int compression = 6, const std::filesystem::path &plugins = FLAME_PLUGINS) {
    FLAME_ASSIGN(const StartedComponent started, start(plugins));
    const auto &table = started.table<flame_exporter_interface>();
    AttributeList options;
    options.add_string("path", path_);
    options.add_int("compression", compression);
    flame_exporter *exporter = nullptr;
    CallScope create("png", "create");
    FLAME_TRY(create.finish(
        table.create(create.call(), FLAME_STR("png"), options.data(), options.size(), &exporter)));
    CallScope scope("png", "run");
    const flame_status status =
        what == Do::kCheck
            ? table.check(exporter, scope.call(), tensors.get())
            : table.write(exporter, scope.call(), tensors.get(), facts.data(), facts.size());
    table.destroy(exporter);
    return scope.finish(status);
  }

  Read written(const Given &given, const Facts &facts = {}, int compression = 6) {
    const GivenTensors tensors({given});
    AttributeList list;
    for (const auto &[name, text] : facts) list.add_string(name, text);
    const Status checked = run(Do::kCheck, tensors);
    EXPECT_TRUE(checked.ok()) << checked.error().text();
    const Status done = run(Do::kWrite, tensors, list, compression);
    EXPECT_TRUE(done.ok()) << done.error().text();
    return read_png(path_);
  }

  // Why both check and write refuse the tensors, without reading them.
  std::string refusal_of(std::vector<Given> given) {
    const GivenTensors tensors(std::move(given));
    const Status checked = run(Do::kCheck, tensors), done = run(Do::kWrite, tensors);
    EXPECT_EQ(tensors.reads(), 0);
    if (checked.ok() || done.ok()) return "it was accepted";
    EXPECT_EQ(checked.error().text(), done.error().text());
    return checked.error().text() + no_file();
  }
  std::string refusal_of_facts(const AttributeList &facts) {
    const Status done = run(Do::kWrite, GivenTensors({noisy({2, 2, 3})}), facts);
    return (done.ok() ? "it was accepted" : done.error().text()) + no_file();
  }
  std::string refusal_of_fact(const std::string &name, const std::string &text) {
    AttributeList facts;
    facts.add_string(name, text);
    return refusal_of_facts(facts);
  }
  std::string no_file() const {
    return std::filesystem::is_empty(folder_.path()) ? "" : "; but there is a file";
  }

  TemporaryFolder folder_;
  std::string path_ = folder_ / "picture.png";
  PluginHost host_{{}};
};

TEST_F(Png, HoldsThePixelsThatWereGiven) {
  const std::vector<std::vector<int64_t>> shapes = {{1, 1, 3},   {1, 1, 1},  {7, 5, 3},
                                                    {3, 5, 4},   {31, 2, 1}, {2, 4097, 3},
                                                    {300, 1, 4}, {64, 64, 3}};
  for (const std::vector<int64_t> &shape : shapes) {
    const Given given = noisy(shape);
    const Read read = written(given);
    EXPECT_EQ(read.size, shape);
    EXPECT_EQ(read.pixels, given.numbers) << testing::PrintToString(shape);
  }
}

TEST_F(Png, KeepsTheColoursOfPixelsThatCannotBeSeen) {
  const Given given{.shape = {1, 3, 4}, .numbers = {200, 100, 50, 0, 9, 8, 7, 1, 255, 0, 3, 128}};
  EXPECT_EQ(written(given).pixels, given.numbers);
}

TEST_F(Png, RoundsFloatsToTheNearest) {
  for (const flame_dtype dtype : {FLAME_DTYPE_F32, FLAME_DTYPE_F64, FLAME_DTYPE_BF16}) {
    const Given given{.dtype = dtype,
                      .shape = {1, 3, 3},
                      .numbers = {0, 1, 0.5, 0.49 / 255, 0.51 / 255, 254.49 / 255, 254.51 / 255,
                                  100.0 / 255, 0.25}};
    EXPECT_THAT(written(given).pixels, ElementsAre(0, 255, 128, 0, 1, 254, 255, 100, 64));
  }
}

TEST_F(Png, HoldsTheFactsByteForByte) {
  const std::string parameters =
      "a red circle, <lora:shapes:0.8>\nNegative prompt: blur\nSteps: 20, Sampler: Euler, Seed: 7";
  const Facts facts = {{"parameters", parameters},
                       {"prompt", "ein rotes K\xc3\xa4tzchen, \xe7\x8c\xab, \xf0\x9f\x90\xb1"},
                       {"empty", ""},
                       {"two words", "\ttab"},
                       {std::string(79, 'k'), std::string(100000, 't')}};
  const Read read = written(noisy({5, 4, 3}), facts);
  EXPECT_EQ(read.texts, facts);
  EXPECT_THAT(read.chunks, ElementsAre("IHDR", "tEXt", "iTXt", "tEXt", "tEXt", "tEXt", "gAMA",
                                       "sRGB", "cHRM", "IDAT", "IEND"));
}

TEST_F(Png, KeepsNamesThatOpenImageIoWouldChange) {
  const Facts facts = {{"Artist", "me"},
                       {"DateTime", "2026:01:02 03:04:05"},
                       {"oiio:Gamma", "9"},
                       {"compression", "none"},
                       {"Software", "flamehost"}};
  EXPECT_EQ(written(noisy({5, 4, 3}), facts).texts, facts);
}

TEST_F(Png, IsTheSameFileEachTime) {
  written(smooth(), {{"parameters", "x"}});
  const std::string first = bytes_of(path_);
  written(smooth(), {{"parameters", "x"}});
  EXPECT_EQ(bytes_of(path_), first);
}

TEST_F(Png, IsAsSmallAsAsked) {
  std::vector<size_t> sizes;
  for (const int compression : {0, 1, 9}) {
    EXPECT_EQ(written(smooth(), {}, compression).pixels, smooth().numbers);
    sizes.push_back(bytes_of(path_).size());
  }
  EXPECT_GT(sizes[0], 128u * 160 * 3);
  EXPECT_LT(sizes[1], sizes[0] / 10);
  EXPECT_LT(sizes[2], sizes[1]);
}

TEST_F(Png, ReplacesAFileThatIsThere) {
  written(smooth());
  EXPECT_EQ(written(noisy({2, 2, 3})).size, (std::vector<int64_t>{2, 2, 3}));
}

TEST_F(Png, RefusesWhatIsNoPicture) {
  const auto shaped = [](std::vector<int64_t> shape, flame_dtype dtype = FLAME_DTYPE_U8) {
    return std::vector<Given>{{.dtype = dtype, .shape = std::move(shape)}};
  };
  EXPECT_THAT(refusal_of({}), HasSubstr("nothing to write as a picture; expected 'picture' alone"));
  EXPECT_THAT(refusal_of({{.shape = {2, 2, 3}}, {.name = "other", .shape = {2, 2, 3}}}),
              HasSubstr("but there are 2 tensors ('picture', 'other')"));
  EXPECT_THAT(refusal_of(std::vector<Given>(1000, {.name = "w", .shape = {2}})),
              HasSubstr("('w', 'w', 'w', 'w', and 996 more)"));
  EXPECT_THAT(refusal_of({{.name = "image", .shape = {2, 2, 3}}}),
              HasSubstr("'image' is not called 'picture'"));
  EXPECT_THAT(refusal_of(shaped({})), HasSubstr("'picture' is u8[]"));
  EXPECT_THAT(refusal_of(shaped({2, 3})), HasSubstr("'picture' is u8[2, 3]"));
  EXPECT_THAT(refusal_of(shaped({1, 2, 2, 3})), HasSubstr("'picture' is u8[1, 2, 2, 3]"));
  EXPECT_THAT(refusal_of(shaped({3, 64, 64})), HasSubstr("u8[3, 64, 64] with 64 channels"));
  EXPECT_THAT(refusal_of(shaped({2, 2, 2})), HasSubstr("expected 1 (grey), 3"));
  EXPECT_THAT(refusal_of(shaped({2, 2, 0})), HasSubstr("with 0 channels"));
  for (const flame_dtype dtype : {FLAME_DTYPE_I32, FLAME_DTYPE_I64, FLAME_DTYPE_BOOL, 0xffu})
    EXPECT_THAT(refusal_of(shaped({2, 2, 3}, dtype)),
                HasSubstr("expected the type u8, or a float"));
}

TEST_F(Png, RefusesSizesThatNoPictureHasBeforeItReads) {
  constexpr int64_t kMost = std::numeric_limits<int64_t>::max();
  for (const auto &[height, width] :
       std::vector<std::pair<int64_t, int64_t>>{{0, 4},
                                                {4, 0},
                                                {-1, 4},
                                                {65536, 1},
                                                {1, 65536},
                                                {65535, 65535},
                                                {kMost, kMost},
                                                {int64_t{1} << 32, int64_t{1} << 32},
                                                {16384, 16385}}) {
    EXPECT_THAT(refusal_of({{.shape = {height, width, 3}}}),
                AllOf(HasSubstr("expected 1 to 65535 each way, and at most 268435456 in all"),
                      testing::Not(HasSubstr("there is a file"))));
  }
}

TEST_F(Png, RefusesNumbersThatAreNoColour) {
  const auto refusal = [&](double number) {
    const GivenTensors tensors({{.dtype = FLAME_DTYPE_F32,
                                 .shape = {2, 2, 3},
                                 .numbers = {0, 0, 0, 0, 0, 0, 0, number, 0, 0, 0, 0}}});
    const Status done = run(Do::kWrite, tensors);
    return (done.ok() ? "it was accepted" : done.error().text()) + no_file();
  };
  EXPECT_THAT(refusal(std::nan("")),
              HasSubstr("holds nan at row 1, column 0, channel 1; expected"));
  EXPECT_THAT(refusal(-INFINITY), HasSubstr("holds -inf at row 1"));
  EXPECT_THAT(refusal(-0.25), HasSubstr("holds -0.25 at row 1"));
  EXPECT_THAT(refusal(1.5), HasSubstr("holds 1.5 at row 1"));
  EXPECT_THAT(refusal(128), HasSubstr("expected numbers from 0 to 1: scale and clamp"));
}

TEST_F(Png, RefusesFactsThatPngCannotHold) {
  for (const std::string name : {"", " front", "back ", "two  blanks", "tab\t", "caf\xc3\xa9"})
    EXPECT_THAT(refusal_of_fact(name, "x"), HasSubstr("cannot be a keyword of PNG")) << name;
  EXPECT_THAT(refusal_of_fact(std::string(80, 'k'), "x"), HasSubstr("expected 1 to 79 printable"));
  EXPECT_THAT(refusal_of_fact("parameters", std::string("a\0b", 3)),
              HasSubstr("the fact 'parameters' holds a NUL at byte 1"));
  for (const std::string text : {"ab\xff", "ab\xc3", "ab\xed\xa0\x80", "ab\xc0\x80"})
    EXPECT_THAT(refusal_of_fact("parameters", text), HasSubstr("is no UTF-8 at byte 2"));
  AttributeList facts;
  facts.add_int("steps", 20);
  EXPECT_THAT(refusal_of_facts(facts), HasSubstr("the fact 'steps' is no text"));
}

TEST_F(Png, PassesOnWhatTheHostSays) {
  GivenTensors tensors({noisy({2, 2, 3})});
  tensors.fail_reading();
  const Status lost = run(Do::kWrite, tensors);
  EXPECT_EQ(lost.error().kind, ErrorKind::kDevice);
  EXPECT_THAT(lost.error().text() + no_file(), HasSubstr("the device is gone"));
  std::ofstream(folder_ / "file") << "no folder";
  path_ = folder_ / "file" / "picture.png";
  const Status unwritten = run(Do::kWrite, GivenTensors({noisy({2, 2, 3})}));
  EXPECT_EQ(unwritten.error().kind, ErrorKind::kStorage);
  EXPECT_THAT(unwritten.error().text(), HasSubstr("file/picture.png"));
}

TEST_F(Png, LoadsNoLibraryThatTheEnvironmentNames) {
  const TemporaryFolder foreign;
  std::filesystem::copy_file(FLAME_FOREIGN_LIBRARY, foreign / "foreign.imageio.so");
  setenv("OIIO_LIBRARY_PATH", foreign.path().c_str(), 1);
  setenv("LD_LIBRARY_PATH", foreign.path().c_str(), 1);
  EXPECT_EQ(written(noisy({2, 2, 3})).size, (std::vector<int64_t>{2, 2, 3}));
  EXPECT_EQ(getenv("FLAME_FOREIGN_LIBRARY"), nullptr);
}

TEST_F(Png, SaysWhatToInstallWhereOpenImageIoIsMissing) {
  const TemporaryFolder elsewhere;
  for (const char *name : {"png.so", "png.flame.json"})
    std::filesystem::copy_file(std::filesystem::path(FLAME_PLUGINS) / name, elsewhere / name);
  const GivenTensors tensors({noisy({2, 2, 3})});
  const Status checked = run(Do::kCheck, tensors, {}, 6, elsewhere.path());
  ASSERT_FALSE(checked.ok());
  EXPECT_THAT(checked.error().text(),
              AllOf(HasSubstr("no PNG file can be written here: "),
                    HasSubstr("libflame-openimageio.so"), HasSubstr("install OpenImageIO 2.4")));
}

}  // namespace
}  // namespace flame
