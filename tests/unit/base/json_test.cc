#include "core/base/json.h"

#include <gmock/gmock.h>

namespace flame {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

TEST(Json, ReadsEveryKindOfValue) {
  const Result<Json> read = parse_json(R"({"a": [1, -2.5, true, null, "x"], "b": {}})", "t.json");
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(read->dump(), R"({"a": [1, -2.5, true, null, "x"], "b": {}})");
}

TEST(Json, KeepsTheOrderOfKeys) {
  EXPECT_EQ(parse_json(R"({"z":1,"a":2})", "t")->dump(), R"({"z": 1, "a": 2})");
}

TEST(Json, RefusesADuplicateKeyAndNamesIt) {
  const Result<Json> read = parse_json("{\"a\": 1,\n \"a\": 2}", "t.json");
  ASSERT_FALSE(read.ok());
  EXPECT_THAT(read.error().what, StartsWith("t.json:2:"));
  EXPECT_THAT(read.error().what, HasSubstr("\"a\" stands twice"));
}

TEST(Json, NamesLineAndColumnOfASyntaxError) {
  const Result<Json> read = parse_json("{\"a\": 1,\n  oops}", "t.json");
  ASSERT_FALSE(read.ok());
  EXPECT_THAT(read.error().what, StartsWith("t.json:2:3: error: "));
}

TEST(Json, RefusesTextBehindTheValue) {
  EXPECT_FALSE(parse_json("{} x", "t").ok());
}

TEST(Json, RefusesEveryTruncation) {
  const std::string whole = R"({"a": [1, {"b": "c"}], "d": -1.5e3})";
  for (size_t size = 0; size < whole.size(); ++size) {
    EXPECT_FALSE(parse_json(whole.substr(0, size), "t").ok()) << size;
  }
}

TEST(Json, RefusesNestingBeyondTheLimit) {
  EXPECT_TRUE(parse_json(std::string(64, '[') + std::string(64, ']'), "t").ok());
  EXPECT_FALSE(parse_json(std::string(65, '[') + std::string(65, ']'), "t").ok());
  EXPECT_FALSE(parse_json(std::string(100000, '['), "t").ok());
}

TEST(Json, RefusesTextOverTheSizeLimit) {
  EXPECT_FALSE(parse_json("\"abcdef\"", "t", {4, 64}).ok());
}

TEST(Json, RefusesInvalidUtf8) {
  EXPECT_FALSE(parse_json("\"\xff\"", "t").ok());
}

TEST(Json, KeepsIntegersExactAndTurnsHugeOnesIntoDoubles) {
  EXPECT_EQ(*parse_json("9223372036854775807", "t")->as_int(), INT64_MAX);
  EXPECT_EQ(parse_json("18446744073709551615", "t")->as_number(), 18446744073709551615.0);
}

TEST(Json, EscapesControlCharactersWhenWriting) {
  EXPECT_EQ(Json("a\n\x1b").dump(), "\"a\\n\\u001b\"");
}

TEST(Json, WritesIndented) {
  Json value;
  value.set("a", Json(Json::Array{Json(1), Json(2)}));
  EXPECT_EQ(value.dump(2), "{\n  \"a\": [\n    1,\n    2\n  ]\n}");
}

TEST(Json, ATreeOfTooManyValuesIsRefused) {
  EXPECT_TRUE(parse_json("[1, [2, {}]]", "j", {.max_values = 5}).ok());
  const auto refused = parse_json("[1, [2, {}]]", "j", {.max_values = 4});
  ASSERT_FALSE(refused.ok());
  EXPECT_NE(refused.error().what.find("more than 4 values"), std::string::npos);
}

TEST(Json, AMessageIsShortHoweverLongTheTextIs) {
  const auto refused = parse_json("[1" + std::string(100'000, '1') + "x]", "j");
  ASSERT_FALSE(refused.ok());
  EXPECT_LT(refused.error().what.size(), 500u);
}

}  // namespace
}  // namespace flame
