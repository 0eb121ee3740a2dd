// Programs from their JSON form: what is written reads back, and what is wrong is named.
#include "core/program/read.h"

#include <gmock/gmock.h>

#include <limits>

#include "core/ops/catalogue/terms.h"
#include "core/program/print.h"
#include "core/program/program_builder.h"

namespace flame {
namespace {

using testing::AllOf;
using testing::HasSubstr;

Program sample() {
  ProgramBuilder builder;
  const Term x = builder.term(builder.input("x", {DType::kBF16, {1, 8, 8, 4}}));
  builder.push_scope("in");
  builder.set_source("model.cc", 3);
  const Term w = builder.term(builder.parameter("weight", {DType::kBF16, {6, 3, 3, 4}}, false));
  const Term y = apply_one("conv2d", {x, w}, {{"padding", Axes{1, 1, 1, 1}}});
  builder.pop_scope();
  // A parameter and an input behind a node, as model code may make them.
  const Term scale = builder.term(builder.parameter("a \"name\" of é", {DType::kF32, {}}, true));
  const Term least = builder.term(builder.input("least", {DType::kF32, {}}));
  const std::vector<Term> z = map_many("mul x0 x1; max t0 x2; max t1 -inf -> t2 t0",
                                       {y, scale, least}, {DType::kF32, DType::kF8E4M3});
  const Term lowest = fill(builder, {2, 0}, -std::numeric_limits<double>::infinity(), DType::kF32);
  const Term tenth = fill(builder, {}, 0.1, DType::kF64);
  builder.output("z", z[0].id());
  builder.output("lowest", lowest.id());
  builder.output("tenth", tenth.id());
  return *builder.finish();
}

TEST(ReadProgram, GivesBackWhatIsPrinted) {
  const std::string text = to_json(sample());
  const Result<Program> read = read_program(text, "sample.json");
  ASSERT_TRUE(read.ok()) << read.error().text();
  EXPECT_EQ(to_json(*read), text);
  EXPECT_EQ(to_text(*read), to_text(sample()));
  EXPECT_TRUE(validate(*read).ok());
  EXPECT_TRUE(read->find_parameter("a \"name\" of é")->trainable);
}

TEST(ReadProgram, TakesNumbersOfValuesAsLabels) {
  const Result<Program> read = read_program(R"({
    "format": "flamehost-program/1", "parameters": [],
    "inputs": [{"name": "b", "value": 900, "type": "f32[2]"}, {"name": "a", "value": 7, "type": "f32[2]"}],
    "nodes": [{"op": "map", "inputs": [7, 900], "outputs": [1000], "types": ["f32[2]"],
               "attributes": {"code": "sub x0 x1"}, "scope": "", "file": "", "line": 0}],
    "outputs": [{"name": "y", "value": 1000, "type": "f32[2]"}]})",
                                            "labels.json");
  ASSERT_TRUE(read.ok()) << read.error().text();
  EXPECT_EQ(read->nodes()[0].inputs[0], read->find_input("a")->value);
}

// The sample with one piece of its text replaced.
std::string error_of(std::string_view from, std::string_view to) {
  std::string text = to_json(sample(), -1);
  const size_t place = text.find(from);
  if (place == std::string::npos) return "the sample has no " + std::string(from);
  text.replace(place, from.size(), to);
  const Result<Program> read = read_program(text, "x.json");
  if (read.ok()) return "it was accepted";
  EXPECT_EQ(read.error().kind, ErrorKind::kBadConfig);
  return read.error().text();
}

TEST(ReadProgram, NamesThePlaceOfWhatIsWrong) {
  EXPECT_THAT(
      error_of("\"stride\": [1, 1]", "\"stride\": [1, \"1\"]"),
      HasSubstr("x.json: node 0 (conv2d): attribute 'stride': item 1: is a text, expected a "
                "whole number"));
  EXPECT_THAT(error_of("\"stride\": [1, 1]", "\"stride\": [1, 0]"),
              AllOf(HasSubstr("node 0 (conv2d)"), HasSubstr("stride"), HasSubstr("model.cc:3")));
  EXPECT_THAT(error_of("\"stride\"", "\"strid\""), HasSubstr("did you mean 'stride'?"));
  EXPECT_THAT(error_of("\"op\": \"conv2d\"", "\"op\": \"conv2\""),
              AllOf(HasSubstr("node 0 (conv2)"), HasSubstr("did you mean 'conv2d'?")));
  EXPECT_THAT(error_of("\"inputs\": [1, 2]", "\"inputs\": [1, 9]"),
              HasSubstr("node 0 (conv2d): uses the value 9, which nothing before it makes"));
  EXPECT_THAT(error_of("\"outputs\": [3]", "\"outputs\": [3, 4]"),
              HasSubstr("names 2 outputs and 1 types, but the op has 1"));
  EXPECT_THAT(error_of("bf16[1, 8, 8, 6]", "f32[1, 8, 8, 6]"),
              HasSubstr("output 0 is given as f32[1, 8, 8, 6], but the op gives bf16[1, 8, 8, 6]"));
  EXPECT_THAT(error_of("bf16[1, 8, 8, 4]", "bf16[1, 8, -8, 4]"), HasSubstr("input 0: 'x'"));
  EXPECT_THAT(error_of("bf16[1, 8, 8, 4]", "bf16[1, 8, 8, 4"), HasSubstr("is no type"));
  EXPECT_THAT(error_of("bf16[1, 8, 8, 4]", "bf16[1,1,1,1,1,1,1,1,1]"), HasSubstr("is no type"));
  EXPECT_THAT(error_of("\"trainable\": false", "\"trainable\": 0"),
              HasSubstr("parameter 0: trainable: is a whole number"));
  EXPECT_THAT(error_of("\"trainable\": false, ", ""), testing::Not(HasSubstr("accepted")));
  EXPECT_THAT(error_of("\"line\": 3", "\"line\": -3"), HasSubstr("node 0 (conv2d): line"));
  EXPECT_THAT(error_of("\"-inf\"", "\"-infinite\""),
              HasSubstr("attribute 'value': is a text, expected a number"));
  EXPECT_THAT(error_of("\"name\": \"least\"", "\"name\": \"x\""),
              HasSubstr("input 1: there are two inputs 'x'"));
  EXPECT_THAT(error_of("program/1", "program/2"), HasSubstr("flamehost-program/2"));
  EXPECT_THAT(error_of("\"nodes\"", "\"node\""), HasSubstr("did you mean 'nodes'?"));
}

TEST(ReadProgram, RefusesWhatIsNoProgram) {
  for (const char *text :
       {"", "[]", "null", "{}", "{\"format\": 1}", "{\"format\": \"flamehost-program/1\"}",
        "{\"format\": \"flamehost-program/1\", \"inputs\": {}, \"parameters\": [], \"nodes\": [], "
        "\"outputs\": []}",
        "{\"format\": \"flamehost-program/1\", \"inputs\": [1], \"parameters\": [], \"nodes\": [], "
        "\"outputs\": []}",
        "{\"format\": \"flamehost-program/1\", \"inputs\": [], \"parameters\": [], \"nodes\": "
        "[null], \"outputs\": []}"}) {
    const Result<Program> read = read_program(text, "bad.json");
    ASSERT_FALSE(read.ok()) << text;
    EXPECT_THAT(read.error().what, HasSubstr("bad.json")) << text;
  }
}

// Cut and damaged texts are refused or read as a right program, and nothing else happens.
TEST(ReadProgram, SurvivesDamage) {
  const std::string text = to_json(sample(), -1);
  for (size_t i = 0; i + 1 < text.size(); ++i) {
    EXPECT_FALSE(read_program(std::string_view(text).substr(0, i), "cut").ok());
    for (const char c : {'9', '"', '-', '\0', ']'}) {
      std::string damaged = text;
      damaged[i] = c;
      const Result<Program> read = read_program(damaged, "damaged");
      EXPECT_TRUE(!read.ok() || validate(*read).ok());
    }
  }
}

}  // namespace
}  // namespace flame
