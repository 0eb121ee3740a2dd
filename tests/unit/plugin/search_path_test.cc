#include "core/plugin/search_path.h"

#include <gmock/gmock.h>

#include <cstdlib>

namespace flame {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::Not;

namespace fs = std::filesystem;

class SearchPathTest : public testing::Test {
 protected:
  void SetUp() override {
    setenv("HOME", "/home/somebody", 1);
    unsetenv("FLAME_PLUGIN_PATH");
    unsetenv("XDG_CACHE_HOME");
  }
  const fs::path user_ = "/home/somebody/.local/lib/flamehost/plugins";
  const fs::path installation_ =
      fs::read_symlink("/proc/self/exe").parent_path().parent_path() / "lib/flamehost/plugins";
};

TEST_F(SearchPathTest, HasTheUsersFolderAndTheInstallationByItself) {
  EXPECT_THAT(plugin_folders({}), ElementsAre(user_, installation_));
}

TEST_F(SearchPathTest, PutsWhatWasAskedForBeforeTheEnvironment) {
  setenv("FLAME_PLUGIN_PATH", "/c:/d", 1);
  const std::string asked[] = {"/a", "/b"};
  EXPECT_THAT(plugin_folders(asked), ElementsAre("/a", "/b", "/c", "/d", user_, installation_));
}

TEST_F(SearchPathTest, NeverTakesTheCurrentFolderFromTheEnvironment) {
  setenv("FLAME_PLUGIN_PATH", ":.::plugins:/c:", 1);
  EXPECT_THAT(plugin_folders({}), ElementsAre("/c", user_, installation_));
}

TEST_F(SearchPathTest, MakesAskedForFoldersAbsolute) {
  const std::string asked[] = {"here", ""};
  EXPECT_THAT(plugin_folders(asked),
              ElementsAre(fs::current_path() / "here", user_, installation_));
}

TEST_F(SearchPathTest, DoesNotBelieveARelativeHome) {
  setenv("HOME", "relative", 1);
  EXPECT_THAT(plugin_folders({}), Not(Contains("relative/.local/lib/flamehost/plugins")));
}

TEST_F(SearchPathTest, PutsTheCacheWhereTheUserWantsIt) {
  EXPECT_EQ(cache_folder(), "/home/somebody/.cache/flamehost");
  setenv("XDG_CACHE_HOME", "/cache", 1);
  EXPECT_EQ(cache_folder(), "/cache/flamehost");
  setenv("XDG_CACHE_HOME", "relative", 1);
  EXPECT_EQ(cache_folder(), "/home/somebody/.cache/flamehost");
}

}  // namespace
}  // namespace flame
