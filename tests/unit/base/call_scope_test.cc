#include "core/base/call_scope.h"

#include <gmock/gmock.h>

#include "core/base/flame_text.h"

namespace flame {
namespace {

using testing::AllOf;
using testing::HasSubstr;

flame_status fail(CallScope &scope, flame_status status, std::string_view text) {
  scope.call()->fail(scope.call()->sink, status, flame_text(text));
  return status;
}

class CallScopeTest : public testing::Test {
 protected:
  CallScope scope_{"org.example.x", "flame.model/1 build"};
};

TEST_F(CallScopeTest, TakesSuccess) {
  EXPECT_TRUE(scope_.finish(FLAME_OK).ok());
}

TEST_F(CallScopeTest, TurnsStatusAndMessageIntoAnError) {
  const Status status = scope_.finish(fail(scope_, FLAME_ERROR_STORAGE, "the disk is full"));
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().kind, ErrorKind::kStorage);
  EXPECT_EQ(status.error().what, "plugin 'org.example.x': the disk is full");
}

TEST_F(CallScopeTest, TakesAVendorsOwnStatus) {
  const Status status = scope_.finish(fail(scope_, -77, "the card is on fire"));
  EXPECT_EQ(status.error().kind, ErrorKind::kFailed);
}

TEST_F(CallScopeTest, BlamesAnErrorWithoutAMessage) {
  const Status status = scope_.finish(FLAME_ERROR_FAILED);
  EXPECT_EQ(status.error().kind, ErrorKind::kBadPlugin);
  EXPECT_THAT(status.error().what,
              AllOf(HasSubstr("org.example.x"), HasSubstr("flame.model/1 build"),
                    HasSubstr("FAILED (1) without saying why")));
}

TEST_F(CallScopeTest, BlamesAnEmptyMessage) {
  EXPECT_THAT(scope_.finish(fail(scope_, FLAME_ERROR_FAILED, "")).error().what,
              HasSubstr("empty message"));
}

TEST_F(CallScopeTest, BlamesTwoMessagesAndShowsTheFirst) {
  fail(scope_, FLAME_ERROR_FAILED, "one");
  const Status status = scope_.finish(fail(scope_, FLAME_ERROR_FAILED, "two"));
  EXPECT_EQ(status.error().kind, ErrorKind::kBadPlugin);
  EXPECT_THAT(status.error().what, HasSubstr("reported 2 errors in one call"));
  EXPECT_THAT(status.error().what, HasSubstr("one"));
}

TEST_F(CallScopeTest, BlamesAMessageWithSuccess) {
  fail(scope_, FLAME_ERROR_NUMERIC, "not a number");
  EXPECT_THAT(scope_.finish(FLAME_OK).error().what,
              HasSubstr("reported the error NUMERIC (5), and then returned OK: not a number"));
}

TEST_F(CallScopeTest, BlamesAMessageWithAnotherStatus) {
  fail(scope_, FLAME_ERROR_NUMERIC, "not a number");
  EXPECT_THAT(scope_.finish(FLAME_ERROR_FAILED).error().what,
              HasSubstr("returned FAILED (1), but reported NUMERIC (5)"));
}

TEST_F(CallScopeTest, KeepsAServicesReasonIfThePluginHandsItsStatusOn) {
  CallScope::service_failed(scope_.call(), FLAME_ERROR_STORAGE, "x.png: cannot open");
  const Status status = scope_.finish(FLAME_ERROR_STORAGE);
  EXPECT_EQ(status.error().kind, ErrorKind::kStorage);
  EXPECT_THAT(status.error().what, HasSubstr("x.png: cannot open"));
}

TEST_F(CallScopeTest, LetsThePluginRecoverFromAServicesFailureOrSayItBetter) {
  CallScope::service_failed(scope_.call(), FLAME_ERROR_STORAGE, "x.png: cannot open");
  EXPECT_TRUE(scope_.finish(FLAME_OK).ok());
  EXPECT_THAT(scope_.finish(fail(scope_, FLAME_ERROR_FAILED, "no pictures")).error().what,
              HasSubstr("no pictures"));
}

TEST_F(CallScopeTest, TellsACallOfThePluginsOwnThroughItsSink) {
  std::string told;
  flame_call own = {};
  own.struct_size = sizeof own;
  own.sink = &told;
  own.fail = [](void *sink, flame_status, flame_str text) noexcept {
    *static_cast<std::string *>(sink) = std::string(text_of(text));
  };
  EXPECT_EQ(CallScope::service_failed(&own, FLAME_ERROR_STORAGE, "gone"), FLAME_ERROR_STORAGE);
  EXPECT_EQ(told, "gone");
  EXPECT_EQ(CallScope::service_failed(nullptr, FLAME_ERROR_STORAGE, "x"), FLAME_ERROR_STORAGE);
  own.struct_size = 8;
  own.fail = nullptr;
  EXPECT_EQ(CallScope::service_failed(&own, FLAME_ERROR_STORAGE, "x"), FLAME_ERROR_STORAGE);
}

TEST_F(CallScopeTest, ShowsHostileTextHarmlessly) {
  const std::string text = "\x1b[2J" + std::string(100000, 'x');
  const Status status = scope_.finish(fail(scope_, FLAME_ERROR_FAILED, text));
  EXPECT_THAT(status.error().what, HasSubstr("\\x1b[2J"));
  EXPECT_LT(status.error().what.size(), 20000u);
  CallScope other("x", "y");
  EXPECT_THAT(other.finish(fail(other, FLAME_ERROR_FAILED, "ab\xff")).error().what,
              HasSubstr("not UTF-8"));
}

}  // namespace
}  // namespace flame
