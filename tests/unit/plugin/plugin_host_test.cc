#include "core/plugin/plugin_host.h"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include "core/base/file.h"
#include "core/base/sha256.h"
#include "core/plugin/probe.h"
#include "flame/optimizer.h"
#include "tests/unit/plugin/samples.h"

namespace flame {
namespace {

using namespace std::chrono_literals;
using test::sample_library;
using test::TemporaryFolder;
using test::write_text;
using testing::AllOf;
using testing::HasSubstr;

class PluginHostTest : public testing::Test {
 protected:
  void SetUp() override { std::filesystem::create_directory(folder_ / "plugins"); }
  void TearDown() override { unsetenv("FLAME_TEST_STOP_FILE"); }

  // Copies a build of the sample plugin and writes the manifest of the sound one with its hash.
  void install(const std::string &fault) {
    const std::filesystem::path library = folder_ / "plugins/sample.so";
    std::filesystem::remove(library);  // never written over: this process has it loaded
    std::filesystem::copy_file(sample_library(fault), library);
    chmod(library.c_str(), 0644);
    Manifest manifest = test::sample_manifest();
    manifest.library = "sample.so";
    manifest.sha256 = *sha256_of_file(library);
    manifest.spec = describe_library(sample_library("none"))->spec;
    write_text(folder_ / "plugins/sample.flame.json", to_json(manifest).dump());
    catalogue_ = Catalogue::scan({folder_ / "plugins"});
  }
  PluginHost::Settings settings() const {
    PluginHost::Settings settings{
        .lock = {}, .verdicts = VerdictCache(folder_ / "cache"), .trial = {}};
    settings.trial.time = 5s;
    return settings;
  }
  Result<StartedComponent> start(PluginHost &host) const {
    FLAME_ASSIGN(const Catalogue::Match match, catalogue_.find("optimizer", "sample"));
    return host.start(match);
  }
  std::string problem() const {
    PluginHost host(settings());
    const Result<StartedComponent> started = start(host);
    return started.ok() ? "" : started.error().text();
  }
  size_t verdicts() const {
    std::error_code none;
    const std::filesystem::directory_iterator files(folder_ / "cache", none);
    return none ? 0 : static_cast<size_t>(std::distance(files, {}));
  }

  TemporaryFolder folder_;
  Catalogue catalogue_;
};

TEST_F(PluginHostTest, StartsAPluginAndGivesItsInterface) {
  install("none");
  PluginHost host(settings());
  const Result<StartedComponent> started = start(host);
  ASSERT_TRUE(started.ok()) << started.error().text();
  EXPECT_EQ(started->plugin->id(), "org.example.sample");
  EXPECT_EQ(started->component->id, "sample");
  EXPECT_EQ(started->table<flame_optimizer_interface>().struct_size,
            sizeof(flame_optimizer_interface));
  EXPECT_FALSE(started->plugin->query("flame.backend/1"));
}

TEST_F(PluginHostTest, StartsAPluginOnce) {
  install("none");
  PluginHost host(settings());
  EXPECT_EQ(start(host)->plugin, start(host)->plugin);
}

TEST_F(PluginHostTest, StopsWhatItStarted) {
  install("none");
  write_text(folder_ / "stop", "");
  chmod((folder_ / "stop").c_str(), 0644);
  VerdictCache(folder_ / "cache").remember_start(catalogue_.plugins()[0].manifest.sha256, "x");
  {
    PluginHost host(settings());
    ASSERT_TRUE(start(host).ok());
    setenv("FLAME_TEST_STOP_FILE", (folder_ / "stop").c_str(), 1);
  }
  struct stat status {};
  ASSERT_EQ(stat((folder_ / "stop").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u) << "stop() was not called";
}

TEST_F(PluginHostTest, TriesALibraryOnceAndRemembersThatItStarted) {
  install("none");
  EXPECT_EQ(problem(), "");
  EXPECT_EQ(verdicts(), 1u);
  EXPECT_TRUE(VerdictCache(folder_ / "cache").has_started(catalogue_.plugins()[0].manifest.sha256));
  EXPECT_EQ(problem(), "");
}

TEST_F(PluginHostTest, RefusesABadPluginAndDoesNotRememberIt) {
  install("crash_in_start");
  for (int i = 0; i < 2; ++i) {
    EXPECT_THAT(problem(), AllOf(HasSubstr("plugins/sample.so"), HasSubstr("in start()"),
                                 HasSubstr("report it to its vendor")));
  }
  EXPECT_EQ(verdicts(), 0u);
}

TEST_F(PluginHostTest, ChecksTheHashBeforeAnyCodeRuns) {
  install("crash_in_constructor");
  Manifest manifest = catalogue_.plugins()[0].manifest;
  manifest.sha256 = sha256("another library");
  write_text(folder_ / "plugins/sample.flame.json", to_json(manifest).dump());
  catalogue_ = Catalogue::scan({folder_ / "plugins"});
  EXPECT_THAT(problem(), AllOf(HasSubstr("its SHA-256 is"), HasSubstr("sample.flame.json says")));
}

TEST_F(PluginHostTest, ChecksTheOwnerBeforeAnyCodeRuns) {
  install("crash_in_constructor");
  chmod((folder_ / "plugins/sample.so").c_str(), 0666);
  EXPECT_THAT(problem(), HasSubstr("chmod go-w"));
}

TEST_F(PluginHostTest, LooksAtTheElfFileBeforeAnyCodeRuns) {
  install("entry_v2");
  EXPECT_THAT(problem(), HasSubstr("it exports flame_plugin_entry_v2"));
}

TEST_F(PluginHostTest, ObeysTheLock) {
  install("none");
  PluginHost::Settings locked = settings();
  locked.lock = *PluginLock::of(catalogue_);
  {
    PluginHost host(locked);
    EXPECT_TRUE(start(host).ok());
  }
  install("null_function");
  PluginHost host(locked);
  const Result<StartedComponent> changed = start(host);
  ASSERT_FALSE(changed.ok());
  EXPECT_THAT(changed.error().what, HasSubstr("is not the one in"));
}

TEST_F(PluginHostTest, IgnoresABrokenVerdictAndWritesItAnew) {
  install("none");
  const std::string hash = catalogue_.plugins()[0].manifest.sha256;
  const VerdictCache cache(folder_ / "cache");
  cache.remember_start(hash, "org.example.sample");
  const std::filesystem::path file = folder_ / "cache" / (hash + ".json");
  const std::string whole = *read_file(file);
  for (size_t size = 0; size + 2 < whole.size(); ++size) {
    write_text(file, whole.substr(0, size));
    EXPECT_FALSE(cache.has_started(hash)) << size;
  }
  for (const char *text : {"[]", "{}", R"({"started": true})", "\xff"}) {
    write_text(file, text);
    EXPECT_FALSE(cache.has_started(hash)) << text;
  }
  EXPECT_EQ(problem(), "");
  EXPECT_EQ(*read_file(file), whole);
  EXPECT_FALSE(cache.has_started(std::string(64, '0')));
}

TEST_F(PluginHostTest, WorksWithoutACache) {
  install("none");
  PluginHost::Settings none = settings();
  none.verdicts = VerdictCache("/proc/no/such/folder");
  PluginHost host(none);
  EXPECT_TRUE(start(host).ok());
}

}  // namespace
}  // namespace flame
