// The report of a run: everything in one page, nothing in it that the run's texts could turn into
// markup, and small enough.
#include <gmock/gmock.h>

#include <fstream>
#include <limits>

#include "core/cli/chart.h"
#include "core/cli/html.h"
#include "core/cli/report_page.h"
#include "core/io/picture_file.h"
#include "tests/support/temporary_folder.h"

namespace flame::cli {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

const std::string kHostile =
    "</td><script>alert(1)</script><img src=x onerror='a()'>\"&\x1b[2J\xff\xed\xa0\x80";

size_t count_of(const std::string &text, std::string_view part) {
  size_t count = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

RunFacts facts_with(const std::string &text) {
  RunFacts facts;
  facts.version = facts.run = facts.outcome = facts.file = facts.backend = facts.device = text;
  facts.results = facts.prompts = {text};
  facts.started = 1.7e9;
  facts.steps = 3;
  facts.settings = {{text, text}};
  facts.plugins = {{text, text, text}};
  facts.buckets = {{text, 4, 2}};
  facts.notes = {{true, text}, {false, text}};
  facts.timings = {{text, 12.5}};
  facts.memory = {{text, 1 << 20}};
  facts.exports = {{text, text}};
  return facts;
}

Metrics metrics_of(int64_t steps) {
  Metrics metrics;
  for (int64_t step = 1; step <= steps; ++step) {
    MetricsRow row;
    row.step = step;
    row.loss = 1.0 / static_cast<double>(step);
    row.smoothed = row.gradient_norm = row.seconds = row.loss;
    row.memory_bytes = 1 << 30;
    row.learning_rates = {{"denoiser", 1e-4}};
    if (step % 100 == 0) row.validation_loss = 0.5;
    metrics.rows.push_back(row);
  }
  return metrics;
}

SmallPicture noise(int64_t side, uint32_t seed) {
  SmallPicture picture{side, side, {}};
  uint32_t state = seed;
  for (int64_t i = 0; i < side * side * 3; ++i) {
    state = state * 1664525 + 1013904223;
    picture.pixels.push_back(static_cast<uint8_t>(state >> 24));
  }
  return picture;
}

void write(const fs::path &file, const std::string &content) {
  fs::create_directories(file.parent_path());
  std::ofstream(file, std::ios::binary) << content;
}

TEST(Html, NothingInATextIsMarkup) {
  EXPECT_EQ(html("<a href='x' b=\"y\">&amp;"),
            "&lt;a href=&#39;x&#39; b=&quot;y&quot;&gt;&amp;amp;");
  EXPECT_EQ(html("é猫\n"), "é猫\n");
  EXPECT_EQ(html("a\xff\x1b"), "a\xef\xbf\xbd\\x1b");
  EXPECT_EQ(html(std::string("\0x", 2)), "\\x00x");
}

TEST(Report, NoTextOfARunBecomesMarkup) {
  ReportSamples samples;
  samples.rows = {{0, {"data:image/png;base64,AAAA"}}, {3, {"data:image/png;base64,BBBB"}}};
  samples.problems = {kHostile};
  Metrics metrics = metrics_of(3);
  metrics.problem = kHostile;
  metrics.rows[0].learning_rates = {{kHostile, 1}};
  metrics.rows[1].learning_rates = {{kHostile, 1}, {kHostile, 1}};
  const std::string page = report_page(facts_with(kHostile), metrics, samples);
  EXPECT_EQ(count_of(page, "<script"), 0u);
  EXPECT_EQ(count_of(page, "<img src=x"), 0u);
  EXPECT_EQ(count_of(page, "</td><script"), 0u);
  EXPECT_EQ(count_of(page, "\x1b"), 0u);
  EXPECT_GT(count_of(page, "&lt;script&gt;alert(1)"), 15u);
  EXPECT_EQ(count_of(page, "<figure"), count_of(page, "</figure>"));
  EXPECT_EQ(count_of(page, "<td"), count_of(page, "</td>"));
  EXPECT_EQ(count_of(page, "<title>"), 1u);
}

TEST(Report, LoadsNothingFromAnywhere) {
  ReportSamples samples;
  samples.rows = {{0, {"data:image/png;base64,AAAA"}}};
  const std::string page = report_page(facts_with("a run"), metrics_of(300), samples);
  for (const char *way : {"http:", "https:", "//", "<script", "<link", "@import", "url(", "href="})
    EXPECT_EQ(count_of(page, way), 0u) << way;
  EXPECT_EQ(count_of(page, "src="), count_of(page, "src=\"data:image/png;base64,"));
  EXPECT_EQ(count_of(page, "<svg"), 6u);
  for (const char *part : {"Curves", "Pictures over the steps", "Files", "Data", "Configuration",
                           "Time", "Memory", "Versions", "loss on held-out pictures"})
    EXPECT_THAT(page, HasSubstr(part));
}

TEST(Report, LeavesOutWhatARunHasNot) {
  RunFacts facts;
  facts.run = "bare";
  const std::string page = report_page(facts, {}, {});
  EXPECT_THAT(page, AllOf(HasSubstr("<h1>bare</h1>"), Not(HasSubstr("<svg")),
                          Not(HasSubstr("Curves")), Not(HasSubstr("Before and after"))));
}

TEST(Chart, DoesNotGrowWithTheNumberOfPoints) {
  const auto chart_of = [](int64_t points) {
    Chart chart{.title = "loss", .curves = {{"a", "c0", {}}}};
    for (int64_t i = 0; i < points; ++i)
      chart.curves[0].points.emplace_back(i, i == points / 2 ? 7.0 : 0.001 * (i % 10));
    return chart_figure(chart);
  };
  EXPECT_LT(chart_of(1'000'000).size(), 20'000u);
  // The one high point, at the top, is not lost.
  EXPECT_EQ(count_of(chart_of(1'000'000), "L500.0 0.0L"),
            2u);  // of the line, and of what is under it
}

TEST(Chart, OddNumbersAreDrawnOrLeftOut) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  const auto chart_of = [](std::vector<std::pair<int64_t, double>> points) {
    return chart_figure({.title = "x", .curves = {{"a", "c0", std::move(points)}}});
  };
  EXPECT_THAT(chart_of({}), IsEmpty());
  EXPECT_THAT(chart_of({{1, kInfinity}, {2, std::nan("")}}), IsEmpty());
  for (const auto &points : std::vector<std::vector<std::pair<int64_t, double>>>{
           {{0, 0}},
           {{5, 3}},
           {{1, 1}, {2, 1}},
           {{1, -3}, {2, 1e300}},
           {{1, 1e-30}, {2, 1e30}},
           {{1, 5e-324}, {2, 1}},
           {{0, 0}, {1, kInfinity}, {INT64_MAX, 1}}}) {
    const std::string svg = chart_of(points);
    EXPECT_THAT(svg, HasSubstr("<path class=\"curve c0\" d=\"M"));
    EXPECT_THAT(svg, AllOf(Not(HasSubstr("nan")), Not(HasSubstr("inf")))) << svg;
    EXPECT_LT(svg.size(), 40'000u);
  }
}

TEST(ReportSamples, TwentyLargePicturesTakeLessThanFiveMegabytes) {
  const test::TemporaryFolder folder;
  for (int step = 0; step < 4; ++step) {
    for (int i = 1; i <= 5; ++i) {
      const std::string name =
          "samples/step-00" + std::to_string(step * 50) + "/00" + std::to_string(i) + ".png";
      write(folder / name, write_png(noise(400, static_cast<uint32_t>(step * 10 + i))));
    }
  }
  const auto samples = report_samples(folder.path(), 4'500'000);
  ASSERT_TRUE(samples.ok()) << samples.error().text();
  ASSERT_THAT(samples->rows, SizeIs(4));
  EXPECT_EQ(samples->rows[3].step, 150);
  EXPECT_THAT(samples->rows[3].pictures, SizeIs(5));
  EXPECT_GT(samples->longest_side, 0);
  EXPECT_LT(report_page(facts_with("x"), metrics_of(2000), *samples).size(), 5'000'000u);
}

TEST(ReportSamples, SmallPicturesStayAsTheyAreAndTooManyAreThinnedOut) {
  const test::TemporaryFolder folder;
  for (int step = 0; step < 200; ++step)
    write(folder / ("samples/step-" + std::to_string(step * 10) + "/001.png"),
          write_png(noise(8, static_cast<uint32_t>(step))));
  const auto samples = report_samples(folder.path(), 4'500'000);
  ASSERT_TRUE(samples.ok());
  EXPECT_EQ(samples->longest_side, 0);
  ASSERT_THAT(samples->rows, SizeIs(144));
  EXPECT_EQ(samples->rows.front().step, 0);
  EXPECT_EQ(samples->rows.back().step, 1990);
  EXPECT_EQ(samples->left_out, 56);
}

TEST(ReportSamples, WhatIsNoPictureIsTold) {
  const test::TemporaryFolder folder;
  write(folder / "samples/step-10/001.png", "not a picture");
  write(folder / "samples/step-10/002.png", write_png(noise(8, 1)));
  write(folder / "samples/step-10/grid.png", "not looked at");
  write(folder / "samples/step-x/001.png", "not looked at");
  write(folder / "samples/step-99999999999999999999/001.png", "not looked at");
  const auto samples = report_samples(folder.path(), 1000);
  ASSERT_TRUE(samples.ok());
  ASSERT_THAT(samples->rows, SizeIs(1));
  EXPECT_THAT(samples->rows[0].pictures[0], IsEmpty());
  EXPECT_THAT(samples->rows[0].pictures[1], HasSubstr("data:image/png;base64,iVBOR"));
  ASSERT_THAT(samples->problems, SizeIs(1));
  EXPECT_THAT(samples->problems[0], HasSubstr("001.png: it is no PNG file"));
  EXPECT_THAT(report_samples(folder / "nowhere", 1000)->rows, IsEmpty());
}

TEST(RunFacts, AreReadAsTheyWereWritten) {
  const test::TemporaryFolder folder;
  const RunFacts facts = facts_with("a \"text\"\n猫");
  ASSERT_TRUE(write_facts(facts, folder.path()).ok());
  const auto read = read_facts(folder.path());
  ASSERT_TRUE(read.ok()) << read.error().text();
  EXPECT_EQ(to_json(*read).dump(), to_json(facts).dump());
  ASSERT_TRUE(write_report(folder.path()).ok());
  EXPECT_TRUE(fs::exists(folder / kReportFile));
}

TEST(RunFacts, WhatIsNoSuchFileIsNamed) {
  const test::TemporaryFolder folder;
  EXPECT_THAT(read_facts(folder.path()).error().text(), HasSubstr("run.json is not there"));
  EXPECT_EQ(read_facts(folder.path()).error().kind, ErrorKind::kBadConfig);
  for (const auto &[content, part] : std::vector<std::pair<std::string, std::string>>{
           {"", "run.json"},
           {"[]", "'flamehost' is missing"},
           {R"({"flamehost":1})", "'flamehost' is not"},
           {R"({"flamehost":"1","steps":-1})", "'steps' is not a whole number"},
           {R"({"flamehost":"1","notes":{}})", "'notes' is not a list"},
           {R"({"flamehost":"1","notes":[1]})", "'notes' is not a list of objects"},
           {R"({"flamehost":"1","notes":[{"text":1}]})", "'notes.0.text' is not a text"}}) {
    write(folder / kFactsFile, content);
    const auto read = read_facts(folder.path());
    ASSERT_FALSE(read.ok()) << content;
    EXPECT_THAT(read.error().text(), HasSubstr(part));
    EXPECT_FALSE(write_report(folder.path()).ok());
  }
  EXPECT_FALSE(fs::exists(folder / kReportFile));
}

}  // namespace
}  // namespace flame::cli
