#include "flame/error.hpp"

#include <gmock/gmock.h>

#include "fake_host.h"

namespace {

using flame_test::FakeCall;

TEST(Guard, GivesOkWhenNothingIsThrown) {
  FakeCall call;
  EXPECT_EQ(flame::guard(call, [] {}), FLAME_OK);
  EXPECT_EQ(call.failures, 0);
}

TEST(Guard, TellsAnErrorOnceWithItsStatusAndMessage) {
  FakeCall call;
  const flame_status status =
      flame::guard(call, [] { throw flame::unsupported("rank ", 9, " is more than ", 8.5); });
  EXPECT_EQ(status, FLAME_ERROR_UNSUPPORTED);
  EXPECT_EQ(call.failures, 1);
  EXPECT_EQ(call.status, FLAME_ERROR_UNSUPPORTED);
  EXPECT_EQ(call.message, "rank 9 is more than 8.5");
}

TEST(Guard, TellsBadAllocAsOutOfMemory) {
  FakeCall call;
  EXPECT_EQ(flame::guard(call, [] { throw std::bad_alloc(); }), FLAME_ERROR_OUT_OF_MEMORY);
  EXPECT_EQ(call.failures, 1);
}

TEST(Guard, TellsOtherExceptionsAsFailed) {
  FakeCall call;
  EXPECT_EQ(flame::guard(call, [] { throw std::out_of_range("index 3"); }), FLAME_ERROR_FAILED);
  EXPECT_EQ(call.message, "index 3");
}

TEST(Guard, LetsNothingOutThatIsNoException) {
  FakeCall call;
  EXPECT_EQ(flame::guard(call, [] { throw 7; }), FLAME_ERROR_FAILED);
  EXPECT_EQ(call.failures, 1);
}

TEST(Guard, NeverTakesAnErrorForSuccess) {
  FakeCall call;
  EXPECT_EQ(flame::guard(call, [] { throw flame::Error(FLAME_OK, "odd"); }), FLAME_ERROR_FAILED);
  EXPECT_EQ(call.failures, 1);
}

TEST(HostCall, TurnsAFailureOfTheHostIntoAnException) {
  flame::detail::HostCall call;
  call.get()->fail(call.get()->sink, FLAME_ERROR_STORAGE, FLAME_STR("disk full"));
  try {
    call.check(FLAME_ERROR_STORAGE);
    FAIL() << "nothing was thrown";
  } catch (const flame::Error &error) {
    EXPECT_EQ(error.status(), FLAME_ERROR_STORAGE);
    EXPECT_STREQ(error.what(), "disk full");
  }
}

TEST(HostCall, HasAMessageForAHostThatGaveNone) {
  const flame::detail::HostCall call;
  EXPECT_THROW(call.check(77), flame::Error);
}

TEST(Text, WritesNumbersAsPeopleDo) {
  EXPECT_EQ(flame::text(1e-4, " ", 0.1, " ", 1e21, " ", -3, " ", true, " ", 2.5e-300, " ", 1.0),
            "1e-4 0.1 1e21 -3 true 2.5e-300 1");
}

}  // namespace
