#include "core/plugin/validate/validate.h"

#include <gmock/gmock.h>

#include <set>

#include "core/plugin/attribute_list.h"
#include "core/plugin/validate/checked_call.h"
#include "core/plugin/validate/checked_files.h"
#include "core/plugin/validate/checked_host.h"
#include "core/plugin/validate/guarded.h"

namespace flame {
namespace {

using State = CheckReport::State;
using testing::HasSubstr;

flame_status tell(flame_call *call, flame_status status, std::string_view message) {
  call->fail(call->sink, status, {message.data(), message.size()});
  return status;
}

TEST(Checks, AreAtLeastFortyWithNamesOfTheirOwn) {
  std::set<std::string_view> names;
  for (const Check *check : select_checks("")) {
    EXPECT_TRUE(names.insert(check->name).second) << check->name;
    EXPECT_NE(check->name.find('.'), std::string_view::npos) << check->name;
    EXPECT_NE(check->rule.find(": "), std::string_view::npos) << check->name;
    EXPECT_NE(check->run, nullptr) << check->name;
  }
  EXPECT_GE(names.size(), 40u);
}

TEST(Checks, AreSelectedByNameGroupAndPattern) {
  EXPECT_EQ(select_checks("skew.long-call").size(), 1u);
  EXPECT_GT(select_checks("skew").size(), 3u);
  EXPECT_EQ(select_checks("skew").size(), select_checks("skew.*").size());
  EXPECT_GT(select_checks("*.passes-failures-on").size(), 2u);
  EXPECT_TRUE(select_checks("ske").empty());
}

TEST(Validation, RefusesAFileThatIsNotThereAndAPatternThatMatchesNothing) {
  const auto missing = validate_plugin("/nowhere/at-all.so");
  ASSERT_FALSE(missing.ok());
  EXPECT_EQ(missing.error().kind, ErrorKind::kBadPlugin);
  EXPECT_THAT(missing.error().what, HasSubstr("/nowhere/at-all.so"));
  ValidateOptions options;
  options.only = "no-such-check";
  const auto nothing = validate_plugin("/proc/self/exe", options);
  ASSERT_FALSE(nothing.ok());
  EXPECT_EQ(nothing.error().kind, ErrorKind::kBadConfig);
}

TEST(CheckedCall, TakesSuccessWithoutAMessage) {
  CheckedCall call;
  EXPECT_TRUE(call.expect_success("f()", FLAME_OK).ok());
}

TEST(CheckedCall, TakesAFailureThatWasToldOnce) {
  CheckedCall call;
  const flame_status status = tell(call.get(), FLAME_ERROR_STORAGE, "the disk is full");
  EXPECT_TRUE(call.judge("f()", status).ok());
  EXPECT_TRUE(call.expect_failure("f()", status, "it is full", {FLAME_ERROR_STORAGE}).ok());
  EXPECT_FALSE(call.expect_failure("f()", status, "no", {FLAME_ERROR_NOT_FOUND}).ok());
  EXPECT_FALSE(call.expect_success("f()", status).ok());
}

TEST(CheckedCall, FindsEachWayToTellItWrongly) {
  CheckedCall silent;
  EXPECT_THAT(silent.judge("f()", FLAME_ERROR_FAILED).error().what, HasSubstr("0 times"));
  CheckedCall twice;
  tell(twice.get(), FLAME_ERROR_FAILED, "the first reason");
  tell(twice.get(), FLAME_ERROR_FAILED, "the second reason");
  EXPECT_THAT(twice.judge("f()", FLAME_ERROR_FAILED).error().what, HasSubstr("2 times"));
  CheckedCall other;
  tell(other.get(), FLAME_ERROR_STORAGE, "the disk is full");
  EXPECT_FALSE(other.judge("f()", FLAME_ERROR_FAILED).ok());
  CheckedCall happy;
  tell(happy.get(), FLAME_ERROR_FAILED, "never mind this");
  EXPECT_FALSE(happy.judge("f()", FLAME_OK).ok());
  CheckedCall empty;
  EXPECT_FALSE(empty.judge("f()", tell(empty.get(), FLAME_ERROR_FAILED, "")).ok());
  CheckedCall binary;
  EXPECT_FALSE(
      binary.judge("f()", tell(binary.get(), FLAME_ERROR_FAILED, "\xff\xfe bytes of it")).ok());
  CheckedCall unknown;
  EXPECT_FALSE(unknown.judge("f()", tell(unknown.get(), 4711, "a status of its own")).ok());
}

TEST(GuardedBlockDeathTest, StopsWhoReadsPastTheEnd) {
  GuardedTexts texts;
  const flame_str text = texts.add("flame.data/1");
  EXPECT_EQ(std::string_view(text.data, text.size), "flame.data/1");
  EXPECT_DEATH(
      {
        volatile char past = text.data[text.size];
        (void)past;
      },
      "");
}

TEST(SizedStruct, KnowsWhatWasWrittenBehindTheStruct) {
  const SizedStruct<flame_call> longer(flame_call{}, sizeof(flame_call) + 8);
  EXPECT_EQ(longer.get()->struct_size, sizeof(flame_call) + 8);
  EXPECT_TRUE(longer.untouched_from(sizeof(flame_call)));
  reinterpret_cast<char *>(longer.get())[sizeof(flame_call)] = 0;
  EXPECT_FALSE(longer.untouched_from(sizeof(flame_call)));
}

TEST(CheckedHost, KeepsWhatAPluginLogsAndCanOfferNothing) {
  CheckedHost host;
  const auto *log =
      static_cast<const flame_log *>(host.get()->query(host.get(), FLAME_STR(FLAME_LOG_ID)));
  ASSERT_NE(log, nullptr);
  log->write(log->self, FLAME_LOG_INFO, FLAME_STR("hello"));
  log->write(log->self, 99, FLAME_STR("a level of its own"));
  EXPECT_EQ(host.log(), "hello\na level of its own");
  EXPECT_EQ(host.bad_log_lines(), 1u);
  EXPECT_EQ(host.get()->query(host.get(), FLAME_STR("flame.log/2")), nullptr);
  CheckedHost::Shape shape;
  shape.services = false;
  CheckedHost bare(shape);
  EXPECT_EQ(bare.get()->query(bare.get(), FLAME_STR(FLAME_LOG_ID)), nullptr);
}

TEST(CheckedFiles, RunsOutOfRoomWhenTold) {
  CheckedFiles files;
  files.fail_from(1);
  flame_writer *writer = nullptr;
  CheckedCall call;
  ASSERT_EQ(files.get()->open_writer(files.get()->self, call.get(), FLAME_STR("a"), &writer),
            FLAME_OK);
  EXPECT_EQ(files.get()->write(writer, call.get(), "x", 1), FLAME_OK);
  EXPECT_EQ(files.get()->write(writer, call.get(), "y", 1), FLAME_ERROR_STORAGE);
  EXPECT_EQ(files.open(), 1u);
  CheckedCall second;
  EXPECT_EQ(files.get()->commit(writer, second.get()), FLAME_ERROR_STORAGE);
  EXPECT_EQ(files.open(), 0u);
  EXPECT_TRUE(files.committed().empty());
}

TEST(AttributeList, TakesItsKindsFromTheOptionsTypes) {
  OptionSpec sizes;
  sizes.name = "sizes";
  sizes.type = OptionType::kInt;
  sizes.list = true;
  OptionSpec wait;
  wait.name = "wait";
  wait.type = OptionType::kDuration;
  OptionSpec on;
  on.name = "on";
  on.type = OptionType::kBool;
  AttributeList list;
  list.add(sizes, {"sizes", true, {int64_t{3}, int64_t{4}}});
  list.add(wait, {"wait", false, {1.5}});
  list.add(on, {"on", false, {true}});
  const AttributeList moved = std::move(list);
  ASSERT_EQ(moved.size(), 3u);
  EXPECT_EQ(moved.data()[0].kind, FLAME_ATTRIBUTE_INTS);
  EXPECT_EQ(moved.data()[0].count, 2u);
  EXPECT_EQ(moved.data()[0].value.is[1], 4);
  EXPECT_EQ(moved.data()[1].kind, FLAME_ATTRIBUTE_FLOAT);
  EXPECT_EQ(moved.data()[1].value.f, 1.5);
  EXPECT_EQ(moved.data()[2].kind, FLAME_ATTRIBUTE_BOOL);
  EXPECT_EQ(moved.data()[2].value.i, 1);
  EXPECT_EQ(std::string(moved.data()[2].name.data, moved.data()[2].name.size), "on");
}

std::vector<CheckReport> some_reports() {
  static constexpr Check kFirst{"group.first", "flame/abi.h: a rule", Stage::kFile, nullptr};
  static constexpr Check kSecond{"group.second", "flame/abi.h: a rule", Stage::kFile, nullptr};
  static constexpr Check kThird{"other.third", "flame/abi.h: a rule", Stage::kFile, nullptr};
  using std::chrono::milliseconds;
  return {{&kFirst, State::kPassed, "", "", milliseconds(12)},
          {&kSecond, State::kFailed, "a < b & \"c\"", "<b>", milliseconds(3)},
          {&kThird, State::kSkipped, "", "no such kind", milliseconds(0)}};
}

TEST(ValidationReport, IsJsonWithCountsReasonsAndRules) {
  const Json json = to_json(some_reports(), "x.so");
  EXPECT_EQ(*json.find("passed")->as_int(), 1);
  EXPECT_EQ(*json.find("failed")->as_int(), 1);
  EXPECT_EQ(*json.find("skipped")->as_int(), 1);
  const Json::Array &checks = *json.find("checks")->as_array();
  ASSERT_EQ(checks.size(), 3u);
  EXPECT_EQ(*checks[1].find("expected")->as_string(), "a < b & \"c\"");
  EXPECT_EQ(*checks[2].find("reason")->as_string(), "no such kind");
  EXPECT_EQ(checks[0].find("seen"), nullptr);
}

TEST(ValidationReport, IsJUnitWithASuiteForEachGroupAndEscapedText) {
  const std::string xml = to_junit(some_reports(), "x.so");
  EXPECT_THAT(xml,
              HasSubstr("<testsuite name=\"group\" tests=\"2\" failures=\"1\" skipped=\"0\">"));
  EXPECT_THAT(xml,
              HasSubstr("<testsuite name=\"other\" tests=\"1\" failures=\"0\" skipped=\"1\">"));
  EXPECT_THAT(xml, HasSubstr("<failure message=\"&lt;b&gt;\">expected: a &lt; b &amp; &quot;c"));
  EXPECT_THAT(xml, HasSubstr("time=\"0.012\""));
}

}  // namespace
}  // namespace flame
