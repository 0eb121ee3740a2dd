#include "core/plugin/lock.h"

#include <gmock/gmock.h>

#include "core/base/file.h"
#include "tests/unit/plugin/samples.h"

namespace flame {
namespace {

using test::sample_manifest;
using test::TemporaryFolder;
using test::write_text;
using testing::AllOf;
using testing::HasSubstr;

class LockTest : public testing::Test {
 protected:
  Catalogue installed(const std::string &folder, const std::string &id = "org.example.fast") {
    Manifest manifest = sample_manifest(id);
    manifest.library = "fast.so";
    write_text(folder_ / folder / "fast.flame.json", to_json(manifest).dump());
    write_text(folder_ / folder / "fast.so", "library");
    std::filesystem::permissions(folder_ / folder, std::filesystem::perms(0755));
    std::filesystem::permissions(folder_ / folder / "fast.so", std::filesystem::perms(0644));
    return Catalogue::scan({folder_ / "a", folder_ / "b"});
  }
  std::string problem(std::string_view text) {
    write_text(file_, text);
    const Result<PluginLock> lock = PluginLock::read(file_);
    return lock.ok() ? "" : lock.error().what;
  }

  TemporaryFolder folder_;
  std::filesystem::path file_ = folder_ / "plugins.lock";
};

TEST_F(LockTest, AllowsWhatWasLockedAndNothingElse) {
  const Catalogue catalogue = installed("a");
  const InstalledPlugin &plugin = catalogue.plugins().at(0);
  const Result<PluginLock> made = PluginLock::of(catalogue);
  ASSERT_TRUE(made.ok()) << made.error().text();
  ASSERT_TRUE(made->write(file_).ok());
  const Result<PluginLock> lock = PluginLock::read(file_);
  ASSERT_TRUE(lock.ok()) << lock.error().text();
  EXPECT_EQ(lock->size(), 1u);
  EXPECT_TRUE(lock->check(plugin, plugin.manifest.sha256).ok());

  const Error changed = lock->check(plugin, std::string(64, '0')).error();
  EXPECT_EQ(changed.kind, ErrorKind::kBadPlugin);
  EXPECT_THAT(changed.what, AllOf(HasSubstr("is not the one in " + file_.string()),
                                  HasSubstr(plugin.manifest.sha256)));
  EXPECT_THAT(changed.hint, HasSubstr("flamehost plugins lock --output '" + file_.string()));

  InstalledPlugin stranger = plugin;
  stranger.manifest.spec.id = "org.example.stranger";
  EXPECT_THAT(lock->check(stranger, plugin.manifest.sha256).error().what,
              HasSubstr("'org.example.stranger' is not in " + file_.string()));
}

TEST_F(LockTest, IsNotWrittenForALibraryThatWouldNotBeLoaded) {
  const Catalogue catalogue = installed("a");
  std::filesystem::permissions(folder_ / "a/fast.so", std::filesystem::perms(0666));
  EXPECT_THAT(PluginLock::of(catalogue).error().what, HasSubstr("can be written"));
  std::filesystem::permissions(folder_ / "a/fast.so", std::filesystem::perms(0644));
  write_text(folder_ / "a/fast.so", "other");
  EXPECT_THAT(PluginLock::of(catalogue).error().what, HasSubstr("SHA-256"));
}

TEST_F(LockTest, WantsOneFileForEachPlugin) {
  installed("a");
  EXPECT_THAT(PluginLock::of(installed("b")).error().what,
              AllOf(HasSubstr("installed twice"), HasSubstr("a/fast.so"), HasSubstr("b/fast.so")));
}

TEST_F(LockTest, IsLookedForBesideThePipeline) {
  const Result<std::optional<PluginLock>> none = PluginLock::beside(folder_ / "x.yaml");
  ASSERT_TRUE(none.ok());
  EXPECT_FALSE(none->has_value());
  write_text(file_, R"({"plugins_lock": 1, "plugins": []})");
  const Result<std::optional<PluginLock>> empty = PluginLock::beside(folder_ / "x.yaml");
  ASSERT_TRUE(empty.ok());
  EXPECT_TRUE(empty->has_value());
  write_text(file_, "{");
  EXPECT_FALSE(PluginLock::beside(folder_ / "x.yaml").ok()) << "a broken lock must not allow all";
}

TEST_F(LockTest, RefusesBrokenLocks) {
  EXPECT_THAT(problem("{}"), HasSubstr("\"plugins_lock\" is missing"));
  EXPECT_THAT(problem(R"({"plugins_lock": 1})"), HasSubstr("\"plugins\" is missing"));
  EXPECT_THAT(problem(R"({"plugins_lock": 2, "plugins": []})"), HasSubstr("reads format 1"));
  EXPECT_THAT(problem(R"({"plugins_lock": 1, "plugins": [{"id": "a"}]})"),
              HasSubstr("plugins[0]: \"version\" is missing"));
  const std::string entry = R"({"id": "a", "version": "1", "library": "l", "sha256": "h"})";
  EXPECT_THAT(problem(R"({"plugins_lock": 1, "plugins": [)" + entry + "," + entry + "]}"),
              HasSubstr("'a' stands twice"));
  EXPECT_EQ(problem(R"({"plugins_lock": 1, "plugins": [)" + entry + "]}"), "");
}

TEST_F(LockTest, RefusesEveryTruncation) {
  ASSERT_TRUE(PluginLock::of(installed("a"))->write(file_).ok());
  const std::string text = *read_file(file_);
  for (size_t size = 0; size + 1 < text.size(); ++size) {
    EXPECT_NE(problem(text.substr(0, size)), "") << size;
  }
}

}  // namespace
}  // namespace flame
