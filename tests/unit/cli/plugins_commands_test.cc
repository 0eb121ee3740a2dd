#include <gmock/gmock.h>
#include <sys/stat.h>

#include <cstdlib>

#include "core/base/file.h"
#include "core/base/json.h"
#include "core/base/sha256.h"
#include "core/cli/commands.h"
#include "core/plugin/make_manifest.h"
#include "tests/unit/plugin/samples.h"

namespace flame::cli {
namespace {

using test::sample_library;
using test::TemporaryFolder;
using test::write_text;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class PluginsCommandsTest : public testing::Test {
 protected:
  void SetUp() override {
    setenv("HOME", folder_.path().c_str(), 1);
    unsetenv("FLAME_PLUGIN_PATH");
    std::filesystem::create_directory(folder_ / "plugins");
    std::filesystem::copy_file(sample_library("none"), library_);
    chmod(library_.c_str(), 0644);
  }
  // Runs a command with --plugin-path and these arguments; keeps its exit code and output.
  std::string run(const Command &command, std::vector<std::pair<std::string, std::string>> given) {
    Arguments arguments;
    arguments.add("--plugin-path", (folder_ / "plugins").string());
    for (auto &[name, value] : given) arguments.add(name, value);
    testing::internal::CaptureStdout();
    testing::internal::CaptureStderr();
    exit_code_ = command.run(arguments);
    fflush(stdout);
    error_ = testing::internal::GetCapturedStderr();
    return testing::internal::GetCapturedStdout();
  }
  void install() {
    run(kPluginsManifestCommand, {{"LIBRARY", library_.string()}});
    ASSERT_EQ(exit_code_, 0) << error_;
  }

  TemporaryFolder folder_;
  std::filesystem::path library_ = folder_ / "plugins/sample.so";
  int exit_code_ = -1;
  std::string error_;
};

TEST_F(PluginsCommandsTest, ManifestIsWrittenBesideTheLibrary) {
  install();
  const Result<Manifest> manifest = read_manifest(folder_ / "plugins/sample.flame.json");
  ASSERT_TRUE(manifest.ok()) << manifest.error().text();
  EXPECT_EQ(manifest->sha256, *sha256_of_file(library_));
  EXPECT_EQ(manifest->library, "sample.so");
  EXPECT_EQ(manifest->spec.id, "org.example.sample");
}

TEST_F(PluginsCommandsTest, ManifestDropsPrefixAndSuffixOfTheLibrary) {
  EXPECT_EQ(manifest_file_for("/a/libfast.so"), "/a/fast.flame.json");
  EXPECT_EQ(manifest_file_for("/a/fast.so"), "/a/fast.flame.json");
  EXPECT_EQ(manifest_file_for("lib.so"), "lib.flame.json");
}

TEST_F(PluginsCommandsTest, ManifestOfABadLibraryIsNotWritten) {
  for (const char *fault :
       {"entry_v2", "crash_in_constructor", "exit_in_entry", "null_stop", "garbage_pointer"}) {
    const std::filesystem::path file = folder_ / "out.flame.json";
    run(kPluginsManifestCommand,
        {{"LIBRARY", sample_library(fault).string()}, {"--output", file.string()}});
    EXPECT_EQ(exit_code_, 3) << fault;
    EXPECT_THAT(error_, HasSubstr(std::string("libsample_") + fault));
    EXPECT_FALSE(std::filesystem::exists(file)) << fault;
  }
}

TEST_F(PluginsCommandsTest, ListShowsPluginsAndWhatCannotBeUsed) {
  install();
  write_text(folder_ / "plugins/bad.flame.json", "{");
  const std::string text = run(kPluginsListCommand, {});
  EXPECT_EQ(exit_code_, 0);
  EXPECT_THAT(
      text, AllOf(HasSubstr("org.example.sample  1.0.0    optimizer sample  " + library_.string()),
                  HasSubstr("These cannot be used:"), HasSubstr("bad.flame.json:1:")));
}

TEST_F(PluginsCommandsTest, ListSaysWhereItLookedIfThereIsNothing) {
  EXPECT_THAT(run(kPluginsListCommand, {}),
              AllOf(HasSubstr("No plugin is installed"), HasSubstr((folder_ / "plugins").string()),
                    HasSubstr(".local/lib/flamehost/plugins")));
}

TEST_F(PluginsCommandsTest, ListAsJsonHoldsPluginsAndReasons) {
  install();
  write_text(folder_ / "plugins/bad.flame.json", "{");
  const Result<Json> json = parse_json(run(kPluginsListCommand, {{"--json", "true"}}), "out");
  ASSERT_TRUE(json.ok()) << json.error().what;
  const Json &plugin = json->find("plugins")->as_array()->at(0);
  EXPECT_EQ(*plugin.find("id")->as_string(), "org.example.sample");
  EXPECT_EQ(*plugin.find("components")->as_array()->at(0).find("id")->as_string(), "sample");
  const Json &broken = json->find("broken")->as_array()->at(0);
  EXPECT_THAT(*broken.find("error")->as_string(), HasSubstr("bad.flame.json"));
}

TEST_F(PluginsCommandsTest, InspectShowsEveryOption) {
  install();
  for (const char *what : {"org.example.sample", "sample", "org.example.sample/sample"}) {
    const std::string text = run(kPluginsInspectCommand, {{"WHAT", what}});
    EXPECT_EQ(exit_code_, 0) << error_;
    EXPECT_THAT(text, AllOf(HasSubstr("org.example.sample 1.0.0"), HasSubstr("licence   MIT"),
                            HasSubstr("optimizer sample"), HasSubstr("lr  (float)"),
                            HasSubstr("How fast it learns."),
                            HasSubstr("a number of 0 or more; default 0.001")));
  }
}

TEST_F(PluginsCommandsTest, InspectReadsALibraryWithoutAManifest) {
  const std::string text = run(kPluginsInspectCommand, {{"WHAT", library_.string()}});
  EXPECT_EQ(exit_code_, 0) << error_;
  EXPECT_THAT(text, AllOf(HasSubstr("org.example.sample"), HasSubstr("in a child process")));
  install();
  EXPECT_THAT(run(kPluginsInspectCommand, {{"WHAT", library_.string()}}),
              AllOf(HasSubstr("sample.flame.json"), Not(HasSubstr("in a child process"))));
}

TEST_F(PluginsCommandsTest, InspectAsJsonGivesManifests) {
  install();
  const Result<Json> json =
      parse_json(run(kPluginsInspectCommand, {{"WHAT", "sample"}, {"--json", "true"}}), "out");
  ASSERT_TRUE(json.ok()) << json.error().what;
  EXPECT_EQ(*json->as_array()->at(0).find("library_file")->as_string(), library_.string());
}

TEST_F(PluginsCommandsTest, InspectSuggestsTheNearestName) {
  install();
  run(kPluginsInspectCommand, {{"WHAT", "sampel"}});
  EXPECT_EQ(exit_code_, 3);
  EXPECT_THAT(error_, HasSubstr("did you mean 'sample'"));
}

TEST_F(PluginsCommandsTest, LockPinsWhatIsInstalled) {
  install();
  const std::filesystem::path file = folder_ / "plugins.lock";
  const std::string text = run(kPluginsLockCommand, {{"--output", file.string()}});
  EXPECT_EQ(exit_code_, 0) << error_;
  EXPECT_THAT(text, HasSubstr("1 plugin may be loaded"));
  EXPECT_THAT(*read_file(file), HasSubstr(*sha256_of_file(library_)));
  chmod(library_.c_str(), 0666);
  run(kPluginsLockCommand, {{"--output", file.string()}});
  EXPECT_EQ(exit_code_, 3);
}

}  // namespace
}  // namespace flame::cli
