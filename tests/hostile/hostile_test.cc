// Nothing that a plugin does takes the host down, and each broken rule is found by name.
#include <gmock/gmock.h>

#include <algorithm>
#include <cstdio>

#include "core/base/child_process.h"
#include "core/plugin/catalogue.h"
#include "core/plugin/plugin_host.h"
#include "core/plugin/validate/validate.h"
#include "hostile_plugins.h"

namespace flame {
namespace {

using namespace std::chrono_literals;
using State = CheckReport::State;

std::string failures_of(const std::vector<CheckReport> &reports) {
  std::string text;
  for (const CheckReport &report : reports) {
    if (report.state != State::kFailed) continue;
    text += "\n  " + std::string(report.check->name) + "\n    expected: " + report.expected +
            "\n    seen: " + report.seen;
  }
  return text.empty() ? " nothing" : text;
}

void expect_no_failure(const InstalledForTest &plugin) {
  const auto reports = validate_plugin(plugin.library());
  ASSERT_TRUE(reports.ok()) << reports.error().text();
  EXPECT_EQ(count_of(*reports, State::kFailed), 0u) << "failed:" << failures_of(*reports);
  EXPECT_GE(count_of(*reports, State::kPassed), 60u);
}

constexpr std::string_view kTaken = "taken";

// Scans the plugin's folder and starts what is there, as a run does; "taken", or what the user is
// told.
std::string start_in_host(const InstalledForTest &plugin) {
  const Catalogue catalogue = Catalogue::scan({plugin.folder()});
  if (!catalogue.broken().empty()) return catalogue.broken().front().error.text();
  if (catalogue.plugins().empty()) return "there is no plugin in the folder";
  PluginHost::Settings settings;
  settings.verdicts = VerdictCache({});
  settings.trial.time = 1500ms;
  PluginHost host(std::move(settings));
  const auto started = host.start(catalogue.plugins().front());
  return started.ok() ? std::string(kTaken) : started.error().text();
}

// The host here is a child of the test: what it takes in spite of all runs in its own process.
void expect_host_survives(const HostilePlugin &hostile, const InstalledForTest &plugin) {
  const ChildOutcome outcome = run_in_child([&] { return start_in_host(plugin); });
  ASSERT_TRUE(outcome.reported()) << "the host " << outcome.describe() << "; " << outcome.printed;
  if (hostile.host_says.empty()) {
    EXPECT_EQ(outcome.report, kTaken);
    return;
  }
  EXPECT_THAT(outcome.report, testing::HasSubstr(hostile.host_says));
  EXPECT_THAT(outcome.report, testing::HasSubstr(plugin.folder().string()));
}

void expect_check_fails(const HostilePlugin &hostile, const InstalledForTest &plugin) {
  ValidateOptions options;
  options.time_limit = 1500ms;
  options.only = hostile.check;
  const auto reports = validate_plugin(plugin.library(), options);
  ASSERT_TRUE(reports.ok()) << reports.error().text();
  const auto found = std::find_if(reports->begin(), reports->end(), [&](const auto &report) {
    return report.check->name == hostile.check;
  });
  ASSERT_NE(found, reports->end()) << "there is no check " << hostile.check;
  EXPECT_EQ(found->state, State::kFailed)
      << hostile.check << " " << name_of(found->state) << " " << found->seen
      << "; what failed:" << failures_of(*reports);
  EXPECT_FALSE(found->expected.empty());
  EXPECT_FALSE(found->seen.empty());
}

TEST(HostilePlugins, AreSurvivedAndFoundByName) {
  size_t survived = 0;
  for (const HostilePlugin &hostile : hostile_plugins()) {
    SCOPED_TRACE(hostile.name);
    InstalledForTest plugin(hostile.built.empty() ? hostile.name : hostile.built, hostile.name);
    if (hostile.spoil) hostile.spoil(plugin);
    expect_host_survives(hostile, plugin);
    expect_check_fails(hostile, plugin);
    ++survived;
  }
  EXPECT_GE(survived, 25u);
  printf("%zu hostile plugins survived\n", survived);
}

// The worst of them, through every check.
TEST(HostilePlugins, LeaveTheValidatorStanding) {
  for (const char *name : {"crash_in_constructor", "entry_garbage", "crash_in_stop",
                           "crash_in_query", "exit_in_start", "kills_group", "closes_descriptors",
                           "prints", "thread_crashes_later", "leaves_child", "null_functions"}) {
    SCOPED_TRACE(name);
    const InstalledForTest plugin(name, name);
    ValidateOptions options;
    options.time_limit = 1500ms;
    const auto reports = validate_plugin(plugin.library(), options);
    ASSERT_TRUE(reports.ok()) << reports.error().text();
    EXPECT_EQ(reports->size(), select_checks("").size());
    EXPECT_GE(count_of(*reports, State::kFailed), 1u);
  }
}

TEST(HostilePlugins, AGoodPluginPassesEveryCheck) {
  expect_no_failure(InstalledForTest("good", "good"));
}

TEST(HostilePlugins, APluginOfANewerMinorVersionPassesEveryCheck) {
  InstalledForTest plugin("newer_minor", "newer_minor");
  plugin.manifest.abi_minor = FLAME_ABI_MINOR + 7;
  plugin.write_manifest();
  expect_no_failure(plugin);
}

}  // namespace
}  // namespace flame
