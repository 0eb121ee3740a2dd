// The tokenizer of the plugin `clip`, through the contract, against ids of another implementation
// (tests/golden/make_clip_tokens.py).
#include <gmock/gmock.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "core/base/json.h"
#include "tests/models/started_model.h"

namespace flame {
namespace {

namespace fs = std::filesystem;
using model_test::Settings;
using testing::AllOf;
using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr int64_t kBegin = 49406, kEnd = 49407;
const fs::path kGolden = fs::path(FLAME_SOURCE_DIR) / "tests/golden";

class ClipTokenizer : public testing::Test {
 protected:
  // Once a test.
  void start(const std::string &component, const Settings &settings = {}) {
    Result<PluginModel> started = model_test::start_model(host_, component, settings);
    ASSERT_TRUE(started.ok()) << started.error().text();
    ASSERT_TRUE(started->reads_text());
    model_.emplace(std::move(*started));
  }

  Result<TokenRows> tokenize(std::string_view text, uint32_t row_limit = 1) {
    return model_->tokenize(text, row_limit);
  }

  // All tokens of the text, without begin, end and padding.
  std::vector<int64_t> ids(std::string_view text) {
    const Result<TokenRows> row = tokenize(text, 1u << 20);
    EXPECT_TRUE(row.ok()) << row.error().text();
    if (!row.ok()) return {};
    EXPECT_EQ(row->kept_count, row->text_count);
    std::vector<int64_t> out;
    for (size_t i = 0; i < row->text_count; ++i) out.push_back(row->ids[i / 75 * 77 + 1 + i % 75]);
    return out;
  }
  std::string error_of(std::string_view text, uint32_t row_limit = 1) {
    const Result<TokenRows> row = tokenize(text, row_limit);
    return row.ok() ? "it was accepted" : row.error().text();
  }

  PluginHost host_{{}};
  std::optional<PluginModel> model_;
};

size_t rows_of(const TokenRows &rows) {
  return rows.ids.size() / rows.row_length;
}

uint64_t splitmix64(uint64_t x) {
  x += 0x9E3779B97F4A7C15;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EB;
  return x ^ (x >> 31);
}

// The texts of make_clip_tokens.py.
class Texts {
 public:
  Texts() {
    std::ifstream file(kGolden / "clip_words.txt");
    for (std::string line; std::getline(file, line);) words_.push_back(line);
  }

  std::string text(uint64_t index) {
    place_ = index << 32;
    std::string out;
    const uint64_t kind = index % 4;
    if (kind == 0) {
      for (uint64_t count = 3 + draw(20); count > 0; --count) {
        out += words_[draw(words_.size())];
        out += kSeparators[draw(std::size(kSeparators))];
      }
      return out;
    }
    const Range chosen = kRanges[draw(std::size(kRanges))];
    for (uint64_t count = 1 + draw(24); count > 0; --count) {
      if (draw(6) == 0) {
        out += ' ';
      } else if (kind == 1) {
        add_letter(out, chosen);
      } else if (kind == 2) {
        add_letter(out, kRanges[draw(std::size(kRanges))]);
      } else {
        add_letter(out, {0, 0x10FFFF});
      }
    }
    return out;
  }

 private:
  struct Range {
    uint64_t low, high;
  };
  static constexpr Range kRanges[] = {
      {0x20, 0x7E},       {0x0, 0x1F},        {0x80, 0xFF},       {0x100, 0x24F},
      {0x250, 0x2FF},     {0x300, 0x36F},     {0x370, 0x3FF},     {0x400, 0x52F},
      {0x590, 0x5FF},     {0x600, 0x6FF},     {0x900, 0x97F},     {0xE00, 0xE7F},
      {0x1100, 0x11FF},   {0x1AB0, 0x1AFF},   {0x1E00, 0x1FFF},   {0x2000, 0x206F},
      {0x2070, 0x218F},   {0x2190, 0x27BF},   {0x3000, 0x30FF},   {0x4E00, 0x9FFF},
      {0xA640, 0xA7FF},   {0xAC00, 0xD7A3},   {0xF900, 0xFAFF},   {0xFB00, 0xFDFF},
      {0xFE00, 0xFFFF},   {0x10400, 0x104FF}, {0x11300, 0x113FF}, {0x1D100, 0x1D7FF},
      {0x1E000, 0x1E9FF}, {0x1F000, 0x1FAFF}, {0x20000, 0x2FFFF}, {0xE0000, 0xE01FF}};
  static constexpr std::string_view kSeparators[] = {" ", ", ", " ", "  ", "-", ""};

  uint64_t draw(uint64_t count) { return splitmix64(++place_) % count; }
  void add_letter(std::string &out, Range range) {
    auto code = static_cast<uint32_t>(range.low + draw(range.high - range.low + 1));
    if (code >= 0xD800 && code < 0xE000) code = '?';
    const auto put = [&](uint32_t byte) { out += static_cast<char>(byte); };
    const auto rest = [&](int shift) { put(0x80 | ((code >> shift) & 0x3F)); };
    if (code < 0x80) {
      put(code);
    } else if (code < 0x800) {
      put(0xC0 | code >> 6), rest(0);
    } else if (code < 0x10000) {
      put(0xE0 | code >> 12), rest(6), rest(0);
    } else {
      put(0xF0 | code >> 18), rest(12), rest(6), rest(0);
    }
  }

  std::vector<std::string> words_;
  uint64_t place_ = 0;
};

std::string hash_of(const std::vector<int64_t> &ids) {
  uint64_t x = 0;
  for (const int64_t token : ids) x = splitmix64(x ^ static_cast<uint64_t>(token));
  char text[16];
  std::snprintf(text, sizeof(text), "%08x", static_cast<uint32_t>(x >> 32));
  return text;
}

TEST_F(ClipTokenizer, GivesTheIdsOfHardPrompts) {
  start("clip-l");
  std::ifstream file(kGolden / "clip_prompts.tsv");
  size_t count = 0;
  for (std::string line; std::getline(file, line); ++count) {
    const size_t tab = line.find('\t');
    const Result<Json> prompt = parse_json(line.substr(0, tab), "prompt");
    const Result<Json> expected = parse_json(line.substr(tab + 1), "ids");
    ASSERT_TRUE(prompt.ok() && expected.ok()) << line;
    std::vector<int64_t> right;
    for (const Json &id : *expected->as_array()) right.push_back(*id.as_int());
    std::vector<int64_t> seen = {kBegin};
    for (const int64_t id : ids(*prompt->as_string())) seen.push_back(id);
    seen.push_back(kEnd);
    EXPECT_EQ(seen, right) << line.substr(0, tab);
  }
  EXPECT_EQ(count, 63u);
}

TEST_F(ClipTokenizer, GivesTheIdsOfTwelveThousandTexts) {
  start("clip-g");
  std::ifstream file(kGolden / "clip_tokens.txt");
  Texts texts;
  uint64_t index = 0;
  size_t wrong = 0;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("#")) continue;
    for (size_t at = 0; at < line.size(); at += 8, ++index) {
      const std::string text = texts.text(index);
      if (hash_of(ids(text)) == line.substr(at, 8)) continue;
      if (++wrong <= 5) ADD_FAILURE() << "text " << index << ": " << text;
    }
  }
  EXPECT_EQ(wrong, 0u);
  EXPECT_EQ(index, 12000u);
}

TEST_F(ClipTokenizer, FillsARowBehindTheEndWithTheEndTokenForL) {
  start("clip-l");
  const Result<TokenRows> row = tokenize("a photo of a cat");
  ASSERT_TRUE(row.ok());
  EXPECT_EQ(row->row_length, 77u);
  EXPECT_EQ(rows_of(*row), 1u);
  EXPECT_EQ(row->kept_count, 5u);
  EXPECT_EQ(row->text_count, 5u);
  EXPECT_THAT(std::vector(row->ids.begin(), row->ids.begin() + 7),
              ElementsAre(kBegin, 320, 1125, 539, 320, 2368, kEnd));
  EXPECT_THAT(std::vector(row->ids.begin() + 7, row->ids.end()), Each(kEnd));
}

TEST_F(ClipTokenizer, FillsARowBehindTheEndWithZeroForG) {
  start("clip-g");
  const Result<TokenRows> row = tokenize("cat");
  ASSERT_TRUE(row.ok());
  EXPECT_EQ(row->ids[2], kEnd);
  EXPECT_THAT(std::vector(row->ids.begin() + 3, row->ids.end()), Each(0));
}

TEST_F(ClipTokenizer, FillsWithAnotherTokenIfAsked) {
  start("clip-l", {{"pad_token", {std::string("cat</w>")}}});
  EXPECT_EQ(tokenize("a")->ids.back(), 2368);
}

TEST_F(ClipTokenizer, CutsALongTextIntoRowsOf75) {
  start("clip-l");
  std::string text;
  for (int i = 0; i < 160; ++i) text += "cat ";
  const Result<TokenRows> whole = tokenize(text, 3);
  ASSERT_TRUE(whole.ok());
  EXPECT_EQ(rows_of(*whole), 3u);
  EXPECT_EQ(whole->kept_count, 160u);
  for (size_t row = 0; row < 3; ++row) EXPECT_EQ(whole->ids[row * 77], kBegin);
  EXPECT_EQ(whole->ids[76], kEnd);
  EXPECT_EQ(whole->ids[77 + 76], kEnd);
  EXPECT_EQ(whole->ids[2 * 77 + 10], 2368);
  EXPECT_EQ(whole->ids[2 * 77 + 11], kEnd);

  const Result<TokenRows> cut = tokenize(text, 2);
  EXPECT_EQ(rows_of(*cut), 2u);
  EXPECT_EQ(cut->kept_count, 150u);
  EXPECT_EQ(cut->text_count, 160u);
  EXPECT_EQ(rows_of(*tokenize("", 3)), 1u);
}

TEST_F(ClipTokenizer, RefusesWhatIsNoUtf8AndSaysWhere) {
  start("clip-l");
  for (const std::string_view text : {"cat \xff", "cat \xc0\x80", "cat \xed\xa0\x80",
                                      "cat \xf4\x90\x80\x80", "cat \xe2\x82", "cat \x80"}) {
    EXPECT_THAT(error_of(text), AllOf(HasSubstr("no UTF-8"), HasSubstr("byte 4")));
  }
}

TEST_F(ClipTokenizer, TakesNulsAsLetters) {
  start("clip-l");
  EXPECT_THAT(ids(std::string_view("x\0y", 3)), ElementsAre(343, 444, 344));
}

TEST_F(ClipTokenizer, ReadsAMebibyteOfAnything) {
  start("clip-l");
  constexpr size_t kSize = 1 << 20;
  EXPECT_GT(ids(std::string(kSize, 'a')).size(), 1000u);
  EXPECT_EQ(ids(std::string(kSize, ' ')).size(), 0u);
  EXPECT_EQ(ids(std::string(kSize, '1')).size(), kSize);
  EXPECT_EQ(ids(std::string(kSize, '\0')).size(), kSize);
  std::string marks, almost;
  while (marks.size() < kSize) marks += "\u0316\u0301\u0345";  // to be sorted, in the wrong order
  while (almost.size() < kSize) almost += "<|endoftext|<|startoftext|";
  EXPECT_GT(ids(marks).size(), 1000u);
  EXPECT_GT(ids(almost).size(), 1000u);
}

TEST_F(ClipTokenizer, NeedsARow) {
  start("clip-l");
  EXPECT_THAT(error_of("cat", 0), HasSubstr("row_limit is 0"));
}

TEST_F(ClipTokenizer, SaysThatAModelHasTooFewTokens) {
  start("clip-l", {{"vocab_size", {int64_t{1000}}}});
  EXPECT_THAT(error_of("cat"), AllOf(HasSubstr("49408 tokens"), HasSubstr("vocab_size is 1000")));
}

TEST_F(ClipTokenizer, SaysThatAPaddingIsNoToken) {
  start("clip-l", {{"pad_token", {std::string("no token")}}});
  EXPECT_THAT(error_of("cat"), HasSubstr("pad_token: 'no token'"));
}

class ClipVocabulary : public ClipTokenizer {
 protected:
  ClipVocabulary() { fs::create_directories(folder_); }
  ~ClipVocabulary() override { fs::remove_all(folder_); }

  std::string error_with(const std::string &merges) {
    std::ofstream(folder_ / "merges.txt") << merges;
    start("clip-l", {{"vocabulary", {folder_.string()}}});
    return error_of("cat");
  }

  fs::path folder_ = fs::path(testing::TempDir()) / ("flame-clip-" + std::to_string(getpid()));
};

TEST_F(ClipVocabulary, IsTakenFromTheFolderOfTheOption) {
  std::ofstream(folder_ / "merges.txt") << "#version: 0.2\nc a\nca t</w>\n";
  start("clip-l", {{"vocabulary", {folder_.string()}}});
  EXPECT_EQ(tokenize("cat")->ids[1], 513);
  EXPECT_EQ(tokenize("cat")->ids[2], 515);
}

TEST_F(ClipVocabulary, IsMissed) {
  start("clip-l", {{"vocabulary", {(folder_ / "none.txt").string()}}});
  EXPECT_THAT(error_of("cat"), AllOf(HasSubstr("none.txt"), HasSubstr("option vocabulary")));
}

TEST_F(ClipVocabulary, NeedsAVersion) {
  EXPECT_THAT(error_with("c a\n"), HasSubstr("merges.txt:1: the first line is no '#version'"));
}

TEST_F(ClipVocabulary, NeedsMerges) {
  EXPECT_THAT(error_with("#version: 0.2\n"), HasSubstr("there is no merge"));
}

TEST_F(ClipVocabulary, MergesTwoTokens) {
  EXPECT_THAT(error_with("#version: 0.2\nc a t\n"), HasSubstr("merges.txt:2: a merge is two"));
}

TEST_F(ClipVocabulary, MergesKnownTokens) {
  EXPECT_THAT(error_with("#version: 0.2\nca t\n"), HasSubstr("merges.txt:2: a merge of tokens"));
}

TEST_F(ClipVocabulary, MergesToNewTokens) {
  EXPECT_THAT(error_with("#version: 0.2\nc a\nc a\n"), HasSubstr("merges.txt:3: a token that"));
}

}  // namespace
}  // namespace flame
