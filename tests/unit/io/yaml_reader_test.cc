#include "core/io/yaml_reader.h"

#include <fmt/core.h>
#include <gmock/gmock.h>

namespace flame {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

YamlDocument read(std::string text) {
  return read_yaml(SourceText("t.yaml", std::move(text)));
}

// "line:column what" of every problem.
std::vector<std::string> problems(std::string text) {
  std::vector<std::string> lines;
  for (const YamlProblem &problem : read(std::move(text)).problems) {
    lines.push_back(
        fmt::format("{}:{} {}", problem.place.line, problem.place.column, problem.what));
  }
  return lines;
}

// The tree in one line: mappings in braces, lists in brackets, quoted text in quotes.
std::string shown(const YamlNode &node) {
  std::string text;
  switch (node.kind) {
    case YamlNode::Kind::kNull:
      return "~";
    case YamlNode::Kind::kScalar:
      return node.quoted ? "'" + node.text + "'" : node.text;
    case YamlNode::Kind::kMapping:
      for (const YamlMember &m : node.members) {
        text += fmt::format("{}{}: {}", text.empty() ? "" : ", ", m.key, shown(*m.value));
      }
      return "{" + text + "}";
    case YamlNode::Kind::kSequence:
      for (const YamlNodePtr &item : node.items) {
        text += (text.empty() ? "" : ", ") + shown(*item);
      }
      return "[" + text + "]";
  }
  return text;
}

std::string tree(std::string text) {
  const YamlDocument document = read(std::move(text));
  for (const YamlProblem &problem : document.problems) {
    ADD_FAILURE() << problem.place.line << ":" << problem.place.column << " " << problem.what;
  }
  return shown(*document.root);
}

TEST(YamlReader, ReadsMappingsSequencesAndScalars) {
  EXPECT_EQ(tree("a: 1\nb: [x, 'y', \"z\"]\nc:\n  d: {e: f}\n  g:\n  - h\n  - i: j\n"),
            "{a: 1, b: [x, 'y', 'z'], c: {d: {e: f}, g: [h, {i: j}]}}");
}

TEST(YamlReader, KeepsScalarsAsTheyAreWritten) {
  EXPECT_EQ(tree("a: no\nb: 010\nc: 1e-4\nd: 0x10\ne: 2024-01-01\n"),
            "{a: no, b: 010, c: 1e-4, d: 0x10, e: 2024-01-01}");
}

TEST(YamlReader, TakesCommentsWindowsLineEndsAndTextBlocks) {
  EXPECT_EQ(tree("# x\r\na: 1 # y\r\nb: c#d\r\n"), "{a: 1, b: c#d}");
  EXPECT_EQ(tree("a: |\n  x\n  y\nb: >-\n  x\n  y\n"), "{a: 'x\ny\n', b: 'x y'}");
  EXPECT_EQ(tree("---\na: b\n...\n"), "{a: b}");
}

TEST(YamlReader, GivesNothingForAnEmptyText) {
  EXPECT_EQ(tree(""), "~");
  EXPECT_EQ(tree("# nothing\n"), "~");
  EXPECT_EQ(tree("a:\nb: ~\nc: null\nd: ''\n"), "{a: ~, b: ~, c: ~, d: ''}");
}

TEST(YamlReader, KnowsThePlaceOfEveryKeyAndValue) {
  const YamlDocument document = read("aä: {bc: dé, f: \"g h\"}\nk:\n  - 'l'\n  -\nm:\n");
  const YamlNode &map = *document.root->members[0].value;
  EXPECT_EQ(document.root->members[0].place, (TextPlace{0, 1, 1, 2}));
  EXPECT_EQ(map.place, (TextPlace{0, 1, 5, 1}));
  EXPECT_EQ(map.members[0].place, (TextPlace{0, 1, 6, 2}));
  EXPECT_EQ(map.members[0].value->place, (TextPlace{0, 1, 10, 2}));
  EXPECT_EQ(map.members[1].value->place, (TextPlace{0, 1, 17, 5}));
  const YamlNode &list = *document.root->members[1].value;
  EXPECT_EQ(list.items[0]->place, (TextPlace{0, 3, 5, 3}));
  EXPECT_EQ(list.items[1]->place, (TextPlace{0, 4, 3, 1}));
  EXPECT_EQ(document.root->members[2].value->place, (TextPlace{0, 5, 1, 1}));
}

TEST(YamlReader, SharesWhatAnAliasRepeats) {
  EXPECT_EQ(tree("a: &x {b: c}\nd: *x\ne: &y f\ng: [*y, *y]\n"),
            "{a: {b: c}, d: {b: c}, e: f, g: [f, f]}");
}

TEST(YamlReader, RefusesAnAliasWithinItsAnchor) {
  EXPECT_THAT(problems("a: &a [*a]\n"), ElementsAre("1:8 an alias inside what it repeats"));
  EXPECT_THAT(problems("a: &a {b: {c: *a}}\nd: *a\n"),
              ElementsAre("1:15 an alias inside what it repeats"));
}

TEST(YamlReader, CountsNodesThroughAliases) {
  std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 9; ++i) {
    bomb += fmt::format("a{}: &a{} [*a{}, *a{}, *a{}, *a{}, *a{}, *a{}, *a{}, *a{}, *a{}]\n", i, i,
                        i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1);
  }
  EXPECT_THAT(problems(bomb), ElementsAre(HasSubstr("more than 20000 values")));
}

TEST(YamlReader, CountsDepthThroughAliases) {
  std::string deep = "a0: &a0 [x]\n";
  for (int i = 1; i < 70; ++i) deep += fmt::format("a{}: &a{} [*a{}]\n", i, i, i - 1);
  EXPECT_THAT(problems(deep), ElementsAre(HasSubstr("64:12 deeper than 64 levels")));
  EXPECT_THAT(problems(std::string(64, '[') + std::string(64, ']')), IsEmpty());
  EXPECT_THAT(problems(std::string(65, '[') + std::string(65, ']')),
              ElementsAre(HasSubstr("1:65 deeper than 64 levels")));
}

TEST(YamlReader, NamesBothPlacesOfADuplicateKey) {
  const YamlDocument document = read("a: 1\nb: 2\na: 3\n");
  ASSERT_EQ(document.problems.size(), 1u);
  EXPECT_EQ(document.problems[0].place, (TextPlace{0, 3, 1, 1}));
  EXPECT_THAT(document.problems[0].what, HasSubstr("'a' stands here a second time"));
  EXPECT_THAT(document.problems[0].hint, HasSubstr("line 1"));
}

TEST(YamlReader, RefusesTagsMergeKeysAndKeysThatAreNoWords) {
  EXPECT_THAT(problems("a: !!str x\nb: ! y\nc: &q !t z\nd: !!map {e: f}\n"),
              ElementsAre("1:4 a tag", "2:4 a tag", "3:7 a tag", "4:4 a tag"));
  EXPECT_THAT(problems("a: &a {b: c}\nd:\n  <<: *a\n"), ElementsAre("3:3 a merge key '<<'"));
  EXPECT_THAT(problems("[a]: b\n{c: d}: e\n~: f\n"),
              ElementsAre("1:1 a list as a key", "2:1 a mapping as a key", "3:1 nothing as a key"));
}

TEST(YamlReader, RefusesASecondDocumentAndAnythingBehindTheFirst) {
  EXPECT_THAT(problems("a: b\n---\nc: d\n"), ElementsAre("2:1 a second document"));
  EXPECT_THAT(problems("a: b\n---\n"), ElementsAre("2:1 a second document"));
  EXPECT_THAT(problems("a: b\n...\nc: d\n"),
              ElementsAre("3:1 text behind the end of the document"));
  EXPECT_THAT(problems("- a\nb: c\n"), ElementsAre("2:1 text behind the end of the document"));
  EXPECT_THAT(problems("[section]\nkey = 1\n"),
              ElementsAre("2:1 text behind the end of the document"));
  EXPECT_THAT(problems("%YAML 1.2\n---\na: b\n"), ElementsAre("1:1 a directive"));
}

TEST(YamlReader, RefusesWhatIsNotPlainUtf8AndGoesOn) {
  EXPECT_THAT(
      problems("\xef\xbb\xbfx: 1\ny: \xff\n"),
      ElementsAre("1:1 the text starts with a byte order mark", "2:4 the byte 0xff is not UTF-8"));
  EXPECT_THAT(problems(std::string("a: b\0c\nd: \x1b[0m\n", 15)),
              ElementsAre("1:5 the control character U+0000", "2:4 the control character U+001B"));
  EXPECT_THAT(
      problems("a: \xc2\x85\nb: c\rd: e\n"),
      ElementsAre("1:4 the control character U+0085", "2:5 a carriage return without a line feed"));
  EXPECT_THAT(problems("a: \xed\xa0\x80\nb: \xc0\xaf\n"),
              ElementsAre(HasSubstr("1:4 the byte 0xed"), HasSubstr("2:4 the byte 0xc0")));
  EXPECT_THAT(problems("\xff\xfe"
                       "a"),
              ElementsAre("1:1 the text is UTF-16"));
}

TEST(YamlReader, RefusesATabWhereverItStands) {
  EXPECT_THAT(problems("a:\n\tb: c\n"), ElementsAre("2:1 a tab"));
  EXPECT_THAT(problems("a:\tb\nc: d\t# e\n"), ElementsAre("1:3 a tab", "2:5 a tab"));
}

TEST(YamlReader, HoldsTheLimitsOfSize) {
  EXPECT_THAT(problems("# " + std::string(1 << 20, 'x')), ElementsAre(HasSubstr("1048578 bytes")));
  EXPECT_THAT(problems("a: " + std::string(1 << 14, 'x')), ElementsAre(HasSubstr("a line of")));
  EXPECT_THAT(problems(std::string(20001, '\n') + "a: b\n"), ElementsAre(HasSubstr("lines")));
  std::string many = "a:\n";
  for (int i = 0; i < 20000; ++i) many += "- x\n";
  EXPECT_THAT(problems(many), ElementsAre(HasSubstr("20001 lines")));
  std::string flow = "a:\n";
  for (int i = 0; i < 5000; ++i) flow += "- [a, b, c, d]\n";
  EXPECT_THAT(problems(flow), ElementsAre(HasSubstr("more than 20000 values")));
}

TEST(YamlReader, FindsTheLineWithTheWrongIndentation) {
  EXPECT_THAT(problems("t:\n  s: 1500\n   b: 1\n  x: 2\n"),
              ElementsAre("3:4 this line starts in column 4, where nothing above it starts"));
  EXPECT_THAT(problems("t:\n  s: 1500\n b: 1\n"), ElementsAre(HasSubstr("3:2 this line starts")));
  EXPECT_THAT(problems("t:\n    s: 1500\n  b: 1\n"),
              ElementsAre(HasSubstr("3:3 this line starts")));
  EXPECT_THAT(problems("e:\n  - {u: a}\n   - {u: b}\n"),
              ElementsAre(HasSubstr("3:4 this line starts")));
  EXPECT_THAT(problems("e:\n  - u: a\n   p: b\n"), ElementsAre(HasSubstr("3:4 this line starts")));
  EXPECT_THAT(problems("a: 1\n  b: 2\nc: 3\n"), ElementsAre(HasSubstr("2:3 this line starts")));
  EXPECT_THAT(problems(" a: 1\nb: 2\n"),
              ElementsAre(HasSubstr("1:2 this line starts in column 2")));
}

TEST(YamlReader, FindsTheBracketThatIsNotClosed) {
  EXPECT_THAT(problems("a: {b: c, d: e\nf: {g: h}\n"), ElementsAre("1:4 this '{' is never closed"));
  EXPECT_THAT(problems("a: 1\nb: [c, d\ne: f\n"), ElementsAre("2:4 this '[' is never closed"));
  EXPECT_THAT(problems("a: [b, {c: d]\n"), ElementsAre("1:13 ']' where '}' must stand"));
  EXPECT_THAT(problems("a: [b\n"), ElementsAre("1:4 this '[' is never closed"));
  EXPECT_THAT(problems("a: {b: c d: e}\n"), ElementsAre("1:10 a ',' is missing before 'd'"));
}

TEST(YamlReader, FindsTheQuoteThatIsNotClosed) {
  EXPECT_THAT(problems("a: 'b\nc: d\n"), ElementsAre(HasSubstr("1:4 this quote is not closed")));
  EXPECT_THAT(problems("a: \"bcd\nb: c\nd: [\"e\"]\n"),
              ElementsAre(HasSubstr("1:4 this quote is not closed")));
  EXPECT_THAT(problems("a: 'b"), ElementsAre("1:4 this quote is never closed"));
  EXPECT_THAT(problems("a: \"b\\\""), ElementsAre("1:4 this quote is never closed"));
  EXPECT_EQ(tree("a: 'it''s'\nb: \"x \\\" y\"\nc: 'x\n  y'\n"),
            "{a: 'it's', b: 'x \" y', c: 'x y'}");
}

TEST(YamlReader, FindsTheColonThatIsMissingOrGlued) {
  EXPECT_THAT(problems("t:\n  s:1500\n  b: 1\n"), ElementsAre("2:5 a blank is missing behind ':'"));
  EXPECT_THAT(problems("a: 1\nrun it\nb: 2\n"), ElementsAre("2:1 a ':' is missing in this line"));
  EXPECT_THAT(problems("t:\n  a: 1\n  b 2\nc: 3\n"),
              ElementsAre("3:3 a ':' is missing in this line"));
  EXPECT_THAT(problems("a: b: c\n"), ElementsAre("1:5 a ':' where no value can stand"));
}

TEST(YamlReader, SaysWhatIsWrongWithCharactersOfYaml) {
  EXPECT_THAT(problems("a: @b\n"), ElementsAre("1:4 a character that cannot start a value"));
  EXPECT_THAT(problems("a: *b\n"), ElementsAre(HasSubstr("1:4 an alias '*…' of nothing")));
  EXPECT_THAT(problems("a: \"\\q\"\n"), ElementsAre(HasSubstr("1:5 an escape that does not")));
  EXPECT_THAT(problems("a: b\n- c\n"), ElementsAre(HasSubstr("2:1")));
}

TEST(YamlReader, GoesOnWithTheNextPartAfterAnError) {
  const YamlDocument document = read("a: 1\nb: [x\nc: 2\nd: 'y\ne: 3\nf:\n  g: 1\n   h: 2\na: 4\n");
  std::vector<std::string> lines;
  for (const YamlProblem &problem : document.problems) {
    lines.push_back(fmt::format("{}:{}", problem.place.line, problem.place.column));
  }
  EXPECT_THAT(lines, ElementsAre("2:4", "4:4", "8:4", "9:1"));
  EXPECT_EQ(shown(*document.root), "{a: 1, b: [x], c: 2, e: 3, f: {g: 1}, a: 4}");
  EXPECT_FALSE(document.root->complete);
}

}  // namespace
}  // namespace flame
