#include "core/base/child_process.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>

namespace flame {
namespace {

using End = ChildOutcome::End;
using namespace std::chrono_literals;

TEST(ChildProcess, ReturnsWhatTheBodyReturned) {
  const ChildOutcome outcome = run_in_child([] { return std::string("four\0bytes", 10); });
  EXPECT_EQ(outcome.end, End::kReported);
  EXPECT_EQ(outcome.report, std::string("four\0bytes", 10));
}

TEST(ChildProcess, KeepsWhatTheBodyPrinted) {
  const ChildOutcome outcome = run_in_child([] {
    fputs("hello", stderr);
    return std::string("x");
  });
  EXPECT_EQ(outcome.printed, "hello");
}

TEST(ChildProcess, SurvivesASignal) {
  const ChildOutcome outcome = run_in_child([]() -> std::string {
    signal(SIGUSR1, SIG_DFL);
    raise(SIGUSR1);
    return "unreached";
  });
  EXPECT_EQ(outcome.end, End::kSignalled);
  EXPECT_EQ(outcome.status, SIGUSR1);
}

TEST(ChildProcess, TellsAnExitFromAReport) {
  const ChildOutcome outcome = run_in_child([]() -> std::string { _exit(0); });
  EXPECT_EQ(outcome.end, End::kExited);
  EXPECT_EQ(outcome.status, 0);
}

TEST(ChildProcess, EndsABodyThatHangs) {
  ChildLimits limits;
  limits.time = 200ms;
  const ChildOutcome outcome = run_in_child(
      []() -> std::string {
        for (;;) pause();
      },
      limits);
  EXPECT_EQ(outcome.end, End::kTimedOut);
  EXPECT_LT(outcome.took, 5s);
}

TEST(ChildProcess, SurvivesASignalToTheWholeProcessGroup) {
  const ChildOutcome outcome = run_in_child([]() -> std::string {
    kill(0, SIGTERM);
    for (;;) pause();
  });
  EXPECT_EQ(outcome.end, End::kSignalled);
  EXPECT_EQ(outcome.status, SIGTERM);
}

TEST(ChildProcess, ReportsWhenTheBodyClosesEveryDescriptor) {
  const ChildOutcome outcome = run_in_child([]() -> std::string {
    for (int i = 0; i < 256; ++i) close(i);
    return "lost";
  });
  EXPECT_EQ(outcome.end, End::kExited);
}

TEST(ChildProcess, DoesNotWaitForADescendantThatHoldsThePipes) {
  const ChildOutcome outcome = run_in_child([]() -> std::string {
    if (fork() == 0) {
      setsid();
      sleep(3);
      _exit(0);
    }
    return "done";
  });
  EXPECT_EQ(outcome.end, End::kReported);
  EXPECT_LT(outcome.took, 2s);
}

TEST(ChildProcess, DropsOutputOverTheLimit) {
  ChildLimits limits;
  limits.max_output = 1000;
  const ChildOutcome outcome = run_in_child(
      [] {
        for (int i = 0; i < 100000; ++i) fputs("0123456789", stdout);
        fflush(stdout);
        return std::string("x");
      },
      limits);
  EXPECT_EQ(outcome.end, End::kReported);
  EXPECT_EQ(outcome.printed.size(), 1000u);
}

}  // namespace
}  // namespace flame
