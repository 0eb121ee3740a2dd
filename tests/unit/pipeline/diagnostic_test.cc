#include "core/pipeline/diagnostic.h"

#include <gmock/gmock.h>

namespace flame {
namespace {

using testing::HasSubstr;
using testing::Not;

Diagnostic sample() {
  Diagnostic d;
  d.code = "unknown-key";
  d.place = {0, 2, 8, 12};
  d.message = "unknown key 'learning_rat' in 'train.optimizer' (adamw)";
  d.suggestions = {"lr"};
  d.see = "flamehost schema optimizer.adamw";
  return d;
}

TEST(Diagnostic, ShowsTheLineWithACaretUnderThePlace) {
  const std::vector<SourceText> sources = {SourceText("p.yaml", "a:\n  b: {ü, learning_rat: 1}\n")};
  Diagnostic d = sample();
  d.place.column = 10;
  EXPECT_EQ(to_text(d, sources),
            "p.yaml:2:10: error: unknown key 'learning_rat' in 'train.optimizer' (adamw)\n"
            "    2 |   b: {ü, learning_rat: 1}\n"
            "      |          ^~~~~~~~~~~~\n"
            "  did you mean 'lr'?\n"
            "  see: flamehost schema optimizer.adamw");
}

TEST(Diagnostic, ShowsPartOfALongLine) {
  const std::vector<SourceText> sources = {
      SourceText("p.yaml", "\n" + std::string(500, 'a') + "XYZ" + std::string(500, 'b'))};
  Diagnostic d = sample();
  d.place = {0, 2, 501, 3};
  const std::string text = to_text(d, sources);
  EXPECT_THAT(text, HasSubstr("aaaXYZbbb"));
  EXPECT_LT(text.size(), 500u);
  const size_t line = text.find("…") + std::string("…").size();
  EXPECT_EQ(text.find("XYZ") - line + 1,
            text.find('^') - text.find("| ", text.find("\n      |")) - 2);
}

TEST(Diagnostic, WritesNoControlCharacterOfTheFile) {
  const std::vector<SourceText> sources = {SourceText("p\x1b.yaml", "x\ny: \x1b[31m\tz\n")};
  EXPECT_THAT(to_text(sample(), sources), Not(HasSubstr("\x1b")));
  EXPECT_THAT(to_text(sample(), sources, true), HasSubstr("\x1b[1;31merror:\x1b[0m"));
}

TEST(Diagnostic, GivesProgramsEveryPart) {
  const std::vector<SourceText> sources = {SourceText("p.yaml", "a\nb\n")};
  const Json json = to_json(sample(), sources);
  EXPECT_EQ(*json.find("file")->as_string(), "p.yaml");
  EXPECT_EQ(*json.find("line")->as_int(), 2);
  EXPECT_EQ(*json.find("column")->as_int(), 8);
  EXPECT_EQ(*json.find("length")->as_int(), 12);
  EXPECT_EQ(*json.find("severity")->as_string(), "error");
  EXPECT_EQ(*json.find("code")->as_string(), "unknown-key");
  EXPECT_EQ(*json.find("message")->as_string(), sample().message);
  EXPECT_EQ(json.find("suggestions")->dump(), "[\"lr\"]");
  EXPECT_EQ(json.find("hint"), nullptr);
}

TEST(Diagnostic, IsSortedByPlaceAndSaidOnce) {
  Diagnostic first = sample();
  first.place.line = 1;
  std::vector<Diagnostic> diagnostics = {sample(), first, sample()};
  tidy(diagnostics);
  ASSERT_EQ(diagnostics.size(), 2u);
  EXPECT_EQ(diagnostics[0].place.line, 1u);
}

TEST(Diagnostic, IsDroppedInALineThatCouldNotBeRead) {
  Diagnostic syntax = sample();
  syntax.code = "syntax";
  syntax.message = "a tab";
  std::vector<Diagnostic> diagnostics = {sample(), syntax};
  tidy(diagnostics);
  ASSERT_EQ(diagnostics.size(), 1u);
  EXPECT_EQ(diagnostics[0].message, "a tab");
}

}  // namespace
}  // namespace flame
