#include "core/plugin/probe.h"

#include <gmock/gmock.h>

#include <cfenv>
#include <random>

#include "core/base/file.h"
#include "core/base/sha256.h"
#include "tests/unit/plugin/samples.h"

namespace flame {
namespace {

using namespace std::chrono_literals;
using test::sample_library;
using testing::AllOf;
using testing::HasSubstr;

// The manifest that the sound sample has.
const Manifest &manifest() {
  static const Manifest value = [] {
    Manifest made = test::sample_manifest();
    const Result<DescribedPlugin> described = describe_library(sample_library("none"));
    if (described.ok()) made.spec = described->spec;
    return made;
  }();
  return value;
}

std::string problem(const std::string &fault) {
  const Status status = probe_library(sample_library(fault), manifest(), {.time = 5s});
  return status.ok() ? "" : status.error().text();
}

TEST(Probe, DescribesALibraryWithoutStartingIt) {
  const Result<DescribedPlugin> described = describe_library(sample_library("crash_in_start"));
  ASSERT_TRUE(described.ok()) << described.error().text();
  EXPECT_EQ(described->spec.id, "org.example.sample");
  EXPECT_EQ(described->abi_minor, FLAME_ABI_MINOR);
  ASSERT_EQ(described->spec.components.size(), 1u);
  EXPECT_EQ(described->spec.components[0].options.at(0).default_text, "0.001");
}

TEST(Probe, StartsAndStopsASoundPlugin) {
  EXPECT_EQ(problem("none"), "");
}

TEST(Probe, NamesTheFunctionThatCrashed) {
  EXPECT_THAT(problem("crash_in_constructor"),
              AllOf(HasSubstr("libsample_crash_in_constructor.so"), HasSubstr("signal 6"),
                    HasSubstr("while it was loaded")));
  EXPECT_THAT(problem("crash_in_start"), AllOf(HasSubstr("signal 11"), HasSubstr("in start()")));
  EXPECT_THAT(problem("crash_in_query"), AllOf(HasSubstr("signal 7"), HasSubstr("in query()")));
  EXPECT_THAT(problem("abort_in_stop"), AllOf(HasSubstr("signal 6"), HasSubstr("in stop()")));
  EXPECT_THAT(problem("garbage_pointer"), HasSubstr("while its table was read"));
}

TEST(Probe, TellsAnExitFromACrash) {
  EXPECT_THAT(problem("exit_in_entry"), AllOf(HasSubstr("ended the process with exit code 0"),
                                              HasSubstr("in flame_plugin_entry_v1()")));
}

TEST(Probe, EndsAPluginThatHangs) {
  const Status status = probe_library(sample_library("hang_in_start"), manifest(), {.time = 300ms});
  EXPECT_THAT(status.error().what, AllOf(HasSubstr("did not return within"), HasSubstr("start()")));
}

TEST(Probe, HandsOnThePluginsOwnReason) {
  EXPECT_THAT(problem("start_fails"), HasSubstr("no device answers: install the driver"));
  EXPECT_THAT(problem("refuses_host"),
              AllOf(HasSubstr("the plugin refuses this host"), HasSubstr("flame.threadpool/1")));
}

TEST(Probe, BlamesAStartThatFailsSilently) {
  EXPECT_THAT(problem("start_fails_silently"), HasSubstr("without saying why"));
}

TEST(Probe, ShowsTheLoadersOwnWords) {
  EXPECT_THAT(problem("undefined_symbol"),
              AllOf(HasSubstr("undefined symbol: nobody_has_this_function"), HasSubstr("-z,defs")));
}

TEST(Probe, RefusesTablesAndInterfacesThatAreIncomplete) {
  EXPECT_THAT(problem("null_stop"), HasSubstr("flame_plugin.stop is null"));
  EXPECT_THAT(problem("null_interface"), HasSubstr("query(\"flame.optimizer/1\") gives null"));
  EXPECT_THAT(problem("short_interface"), HasSubstr("struct_size 16; expected 40"));
  EXPECT_THAT(problem("null_function"), HasSubstr("describe_state of flame.optimizer/1 is null"));
  EXPECT_THAT(problem("answers_everything"), HasSubstr("must give null"));
}

TEST(Probe, RefusesAPluginThatChangesTheProcess) {
  EXPECT_THAT(problem("start_changes_rounding"), HasSubstr("the rounding mode"));
  EXPECT_THAT(problem("start_changes_locale"), HasSubstr("the locale"));
  EXPECT_THAT(problem("start_takes_signals"), HasSubstr("the handler of signal 10"));
  EXPECT_THAT(problem("start_changes_environment"), HasSubstr("OMP_NUM_THREADS"));
  EXPECT_THAT(problem("start_closes_descriptors"), HasSubstr("which is closed now"));
}

TEST(Probe, RefusesALibraryThatSetsFlushToZeroWhenItIsLoaded) {
#if defined(__x86_64__)
  EXPECT_THAT(problem("fast_math"), AllOf(HasSubstr("while it was loaded"),
                                          HasSubstr("how the processor treats tiny numbers")));
#endif
}

TEST(Probe, LeavesTheHostAsItWas) {
  problem("start_changes_rounding");
  problem("start_closes_descriptors");
  EXPECT_EQ(fegetround(), FE_TONEAREST);
  EXPECT_EQ(problem("none"), "");
}

TEST(Probe, NamesTheFirstLieOfAManifest) {
  const auto lie = [](const auto &change) {
    Manifest changed = manifest();
    change(changed);
    const Status status = probe_library(sample_library("none"), changed);
    return status.ok() ? "" : status.error().text();
  };
  EXPECT_THAT(lie([](Manifest &m) { m.spec.version = "9.9.9"; }),
              AllOf(HasSubstr("say different things of the plugin 'org.example.sample': version"),
                    HasSubstr("flamehost plugins manifest")));
  EXPECT_THAT(lie([](Manifest &m) { m.spec.components[0].options[0].default_text = "1"; }),
              HasSubstr("components[0].options[0].default"));
  EXPECT_THAT(lie([](Manifest &m) { m.spec.components[0].options[0].aliases = {"x"}; }),
              HasSubstr("components[0].options[0].aliases"));
  EXPECT_THAT(lie([](Manifest &m) { m.spec.components.push_back(m.spec.components[0]); }),
              HasSubstr("the length of components"));
  EXPECT_THAT(lie([](Manifest &m) { m.abi_minor = 7; }), HasSubstr("abi_minor (7"));
}

TEST(Probe, SurvivesDamagedLibraries) {
  // Straight to the loader, without the look at the ELF file and the hash that come before it in a
  // run: half of these die in the child, some hang there.
  const std::string whole = *read_file(sample_library("none"));
  std::mt19937 random(4);
  int refused = 0;
#ifdef __SANITIZE_ADDRESS__
  constexpr int kFlips = 300;  // a fork takes ten times as long
#else
  constexpr int kFlips = 2000;
#endif
  for (int i = 0; i < kFlips; ++i) {
    std::string flipped = whole;
    const size_t range = i % 2 ? whole.size() : 3072;
    flipped[random() % range] ^= static_cast<char>(1 << (random() % 8));
    const test::MemoryFile file(flipped);
    refused += !probe_library(file.path(), manifest(), {.time = 50ms}).ok();
  }
  EXPECT_GT(refused, kFlips / 20);
  for (size_t size = 0; size < whole.size(); size += size < 1200 ? 8 : 997) {
    const test::MemoryFile file(whole.substr(0, size));
    const Status status = probe_library(file.path(), manifest(), {.time = 50ms});
    EXPECT_FALSE(status.ok() && size < 1200) << size;
  }
}

}  // namespace
}  // namespace flame
