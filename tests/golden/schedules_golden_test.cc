// The schedules against those of transformers (make_schedules.py).
#include <gtest/gtest.h>

#include "core/train/schedule.h"
#include "tests/golden/golden_case.h"

namespace flame::golden_test {
namespace {

TEST(ScheduleGolden, GivesTheSameRates) {
  const Result<Json> json = read_golden("schedules.json");
  ASSERT_TRUE(json.ok()) << json.error().text();
  size_t cases = 0;
  for (const Json &given : *json->find("cases")->as_array()) {
    const std::string &name = *given.find("name")->as_string();
    const auto kind = schedule_kind(name);
    ASSERT_TRUE(kind) << name;
    const auto number = [&](const char *key, double otherwise) {
      return given.find(key) ? given.find(key)->as_number() : otherwise;
    };
    Schedule schedule;
    schedule.kind = *kind;
    schedule.steps = *given.find("steps")->as_int();
    schedule.warmup_steps = *given.find("warmup")->as_int();
    schedule.final_factor = number("final", 0);
    schedule.power = number("power", 1);
    schedule.cycles = static_cast<int64_t>(number("cycles", 1));
    int64_t step = 0;
    for (const Json &factor : *given.find("factors")->as_array()) {
      EXPECT_NEAR(learning_rate_factor(schedule, step), factor.as_number(), 1e-14)
          << given.dump() << " step " << step;
      ++step;
    }
    ++cases;
  }
  EXPECT_GE(cases, 27u);
}

TEST(Schedule, StaysAtItsEnd) {
  for (const ScheduleKind kind : {ScheduleKind::kLinear, ScheduleKind::kCosine,
                                  ScheduleKind::kPolynomial, ScheduleKind::kRex}) {
    const Schedule schedule{kind, 10, 2, 0.25, 2, 3};
    EXPECT_EQ(learning_rate_factor(schedule, 2), 1);
    EXPECT_EQ(learning_rate_factor(schedule, 10), 0.25);
    EXPECT_EQ(learning_rate_factor(schedule, 1'000'000'000'000), 0.25);
  }
}

TEST(Schedule, ConstantIsTheFullRateWhateverItsFinalPart) {
  const Schedule schedule{ScheduleKind::kConstant, 10, 0, 0.25};
  EXPECT_EQ(learning_rate_factor(schedule, 0), 1);
  EXPECT_EQ(learning_rate_factor(schedule, 10), 1);
}

}  // namespace
}  // namespace flame::golden_test
