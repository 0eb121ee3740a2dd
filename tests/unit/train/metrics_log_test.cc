// What a run measures: written once whatever happens, and read back.
#include "core/train/metrics_log.h"

#include <gmock/gmock.h>

#include <cmath>
#include <fstream>
#include <limits>

#include "tests/support/event_reader.h"
#include "tests/support/temporary_folder.h"

namespace flame {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;

class MetricsLogTest : public testing::Test {
 protected:
  MetricsLog opened(int64_t steps_made) {
    Result<MetricsLog> log = MetricsLog::open(folder_.path(), steps_made);
    EXPECT_TRUE(log.ok()) << log.error().text();
    return std::move(*log);
  }
  static MetricsRow row(int64_t step, double loss) {
    MetricsRow made;
    made.step = step;
    made.time = 1000.0 + static_cast<double>(step);
    made.loss = loss;
    made.gradient_norm = 0.5;
    made.seconds = 0.25;
    made.memory_bytes = 1 << 20;
    made.learning_rates = {{"denoiser", 1e-4}, {"text_encoder", 5e-5}};
    return made;
  }
  Metrics read() const { return *read_metrics(folder_.path() / kMetricsFile); }
  std::vector<int64_t> steps() const {
    std::vector<int64_t> list;
    for (const MetricsRow &each : read().rows) list.push_back(each.step);
    return list;
  }
  std::vector<testing_support::Event> events() const {
    const auto read = testing_support::read_events(text(kEventFile));
    EXPECT_TRUE(read) << "a frame is not right";
    return read.value_or(std::vector<testing_support::Event>());
  }
  std::string text(std::string_view name) const { return *read_file(folder_.path() / name); }

  test::TemporaryFolder folder_;
};

TEST_F(MetricsLogTest, WritesEachStepAsALineAndAsAnEvent) {
  MetricsLog log = opened(0);
  ASSERT_TRUE(log.add(row(1, 0.5)).ok());
  MetricsRow measured;
  measured.step = 1;
  measured.time = 1001;
  measured.validation_loss = 0.75;
  ASSERT_TRUE(log.add(measured).ok());
  const Metrics metrics = read();
  ASSERT_THAT(metrics.rows, SizeIs(2));
  EXPECT_EQ(metrics.problem, "");
  EXPECT_EQ(metrics.rows[0].loss, 0.5);
  EXPECT_EQ(metrics.rows[0].memory_bytes, uint64_t{1 << 20});
  EXPECT_EQ(metrics.rows[0].learning_rates, row(1, 0).learning_rates);
  EXPECT_EQ(metrics.rows[1].validation_loss, 0.75);
  EXPECT_TRUE(log.was_validated(1));
  const auto seen = events();
  ASSERT_THAT(seen, SizeIs(3));
  EXPECT_EQ(seen[0].version, "brain.Event:2");
  EXPECT_THAT(
      seen[1].scalars,
      ElementsAre(std::pair("loss/raw", 0.5F), std::pair("loss/smoothed", 0.5F),
                  std::pair("learning_rate/denoiser", 1e-4F),
                  std::pair("learning_rate/text_encoder", 5e-5F), std::pair("gradient_norm", 0.5F),
                  std::pair("step/seconds", 0.25F), std::pair("step/memory_bytes", 1048576.0F)));
  EXPECT_THAT(seen[2].scalars, ElementsAre(std::pair("loss/validation", 0.75F)));
}

TEST_F(MetricsLogTest, TheSmoothedLossIsAMeanFromTheFirstStepOn) {
  MetricsLog log = opened(0);
  EXPECT_EQ(log.smoothed_loss(), std::nullopt);
  for (int step = 1; step <= 50; ++step) ASSERT_TRUE(log.add(row(step, 3)).ok());
  EXPECT_NEAR(*log.smoothed_loss(), 3, 1e-12);
  double sum = 0, weight = 0;  // from the definition
  for (int step = 1; step <= 51; ++step) {
    const double part = std::pow(0.98, 51 - step);
    sum += part * (step == 51 ? 10 : 3);
    weight += part;
  }
  ASSERT_TRUE(log.add(row(51, 10)).ok());
  EXPECT_NEAR(*log.smoothed_loss(), sum / weight, 1e-12);
}

TEST_F(MetricsLogTest, GoesOnBehindTheStepThatIsGoneOnFrom) {
  {
    MetricsLog log = opened(0);
    for (int step = 1; step <= 7; ++step) ASSERT_TRUE(log.add(row(step, step)).ok());
  }
  MetricsLog log = opened(4);
  const double smoothed = *log.smoothed_loss();
  for (int step = 5; step <= 6; ++step) ASSERT_TRUE(log.add(row(step, 100 + step)).ok());
  EXPECT_THAT(steps(), ElementsAre(1, 2, 3, 4, 5, 6));
  EXPECT_EQ(read().rows[3].smoothed, smoothed);
  EXPECT_EQ(read().rows[4].loss, 105);
  std::vector<int64_t> of_events;
  for (const auto &event : events())
    if (event.version.empty()) of_events.push_back(event.step);
  EXPECT_THAT(of_events, ElementsAre(1, 2, 3, 4, 5, 6));
}

TEST_F(MetricsLogTest, BeginsAnewWithoutAStepToGoOnFrom) {
  { ASSERT_TRUE(opened(0).add(row(1, 1)).ok()); }
  MetricsLog log = opened(0);
  EXPECT_THAT(steps(), SizeIs(0));
  EXPECT_EQ(log.smoothed_loss(), std::nullopt);
}

TEST_F(MetricsLogTest, ALineThatWasCutOffIsNoLine) {
  {
    MetricsLog log = opened(0);
    for (int step = 1; step <= 3; ++step) ASSERT_TRUE(log.add(row(step, step)).ok());
  }
  const std::string whole = text(kMetricsFile);
  std::ofstream(folder_.path() / kMetricsFile) << whole.substr(0, whole.size() - 9);
  EXPECT_THAT(read().problem, HasSubstr(":3: the line was not finished"));
  MetricsLog log = opened(3);
  EXPECT_THAT(log.problem(), HasSubstr(":3:"));
  EXPECT_THAT(steps(), ElementsAre(1, 2));
  ASSERT_TRUE(log.add(row(3, 3)).ok());
  EXPECT_EQ(text(kMetricsFile), whole);
}

TEST_F(MetricsLogTest, WhatIsNoLineOfMetricsIsNamedAndEndsTheReading) {
  const std::string good = R"({"step":1,"time":1})";
  for (const std::string bad :
       {"", "[]", "{", "{}", R"({"step":-1,"time":1})", R"({"step":"1","time":1})",
        R"({"step":1.5,"time":1})", R"({"step":0,"time":1})", R"({"step":2})", "\xff",
        R"({"step":2,"time":1,"time":2})", R"({"step":2,"time":{"a":{"b":{}}}})"}) {
    std::ofstream(folder_.path() / kMetricsFile) << good << "\n" << bad << "\n" << good << "\n";
    const Metrics metrics = read();
    EXPECT_THAT(metrics.rows, SizeIs(1)) << bad;
    EXPECT_THAT(metrics.problem, HasSubstr("metrics.jsonl:2")) << bad;
  }
}

TEST_F(MetricsLogTest, NumbersThatAreNotFiniteAreLeftOut) {
  MetricsLog log = opened(0);
  MetricsRow made = row(1, std::numeric_limits<double>::quiet_NaN());
  made.gradient_norm = std::numeric_limits<double>::infinity();
  ASSERT_TRUE(log.add(made).ok());
  EXPECT_EQ(read().rows[0].loss, std::nullopt);
  EXPECT_EQ(read().rows[0].gradient_norm, std::nullopt);
  EXPECT_EQ(read().rows[0].seconds, 0.25);
}

TEST_F(MetricsLogTest, AFolderThatIsNotThereIsMadeAndAFileInItsPlaceIsNamed) {
  EXPECT_TRUE(MetricsLog::open(folder_.path() / "deep/er", 0).ok());
  std::ofstream(folder_.path() / "file") << "x";
  const auto log = MetricsLog::open(folder_.path() / "file", 0);
  ASSERT_FALSE(log.ok());
  EXPECT_EQ(log.error().kind, ErrorKind::kStorage);
  EXPECT_THAT(log.error().what, HasSubstr("file/metrics.jsonl"));
}

}  // namespace
}  // namespace flame
