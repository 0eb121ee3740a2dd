#include "core/plugin/trust.h"

#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/sha256.h"
#include "tests/unit/plugin/samples.h"

namespace flame {
namespace {

using test::TemporaryFolder;
using test::write_text;
using testing::HasSubstr;

class TrustTest : public testing::Test {
 protected:
  void SetUp() override {
    write_text(library_, "library");
    chmod(library_.c_str(), 0644);
  }
  std::string problem() const { return problem(library_); }
  static std::string problem(const std::filesystem::path &file) {
    const Result<TrustedLibrary> library = TrustedLibrary::open(file);
    return library.ok() ? "" : library.error().text();
  }

  TemporaryFolder folder_;
  std::filesystem::path library_ = folder_ / "x.so";
};

TEST_F(TrustTest, TakesAPlainFileOfTheUserAndHashesIt) {
  const Result<TrustedLibrary> library = TrustedLibrary::open(library_);
  ASSERT_TRUE(library.ok()) << library.error().text();
  EXPECT_EQ(library->sha256(), sha256("library"));
  EXPECT_TRUE(library->check_hash(sha256("library"), "x.flame.json").ok());
  const Status other = library->check_hash(sha256("other"), "x.flame.json");
  EXPECT_THAT(other.error().what, HasSubstr(sha256("library")));
  EXPECT_THAT(other.error().what, HasSubstr("x.flame.json says " + sha256("other")));
}

TEST_F(TrustTest, RefusesALibraryThatOthersMayWrite) {
  chmod(library_.c_str(), 0664);
  EXPECT_THAT(problem(), HasSubstr("can be written by its group"));
  chmod(library_.c_str(), 0646);
  EXPECT_THAT(problem(), HasSubstr("can be written by all users"));
  EXPECT_THAT(problem(), HasSubstr("chmod go-w '" + library_.string()));
}

TEST_F(TrustTest, RefusesAFolderThatOthersMayWrite) {
  for (const mode_t mode : {0777, 01777, 0775}) {
    chmod(folder_.path().c_str(), mode);
    EXPECT_THAT(problem(), HasSubstr("the plugin folder can be written by")) << mode;
  }
}

TEST_F(TrustTest, RefusesAnotherUsersLibrary) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can give a file away";
  ASSERT_EQ(chown(library_.c_str(), 12345, 12345), 0);
  EXPECT_THAT(problem(), HasSubstr("belongs to user 12345"));
  ASSERT_EQ(chown(library_.c_str(), 0, 0), 0);
  ASSERT_EQ(chown(folder_.path().c_str(), 12345, 12345), 0);
  EXPECT_THAT(problem(), HasSubstr("belongs to user 12345"));
}

TEST_F(TrustTest, RefusesRelativePaths) {
  EXPECT_THAT(problem("x.so"), HasSubstr("absolute path"));
}

TEST_F(TrustTest, RefusesADollarInThePath) {
  for (const char *name : {"$ORIGIN/x.so", "$LIB.so", "a${PLATFORM}/x.so"}) {
    write_text(folder_ / name, "library");
    EXPECT_THAT(problem(folder_ / name), HasSubstr("'$'")) << name;
  }
}

TEST_F(TrustTest, FollowsALinkWithinItsFolderAndNoOther) {
  std::filesystem::create_symlink("x.so", folder_ / "link.so");
  const Result<TrustedLibrary> inside = TrustedLibrary::open(folder_ / "link.so");
  ASSERT_TRUE(inside.ok()) << inside.error().text();
  EXPECT_EQ(inside->path().filename(), "x.so");
  std::filesystem::create_directory(folder_ / "sub");
  std::filesystem::create_symlink(library_, folder_ / "sub/link.so");
  EXPECT_THAT(problem(folder_ / "sub/link.so"), HasSubstr("leads out of its folder"));
  std::filesystem::create_symlink("nowhere.so", folder_ / "dangling.so");
  EXPECT_THAT(problem(folder_ / "dangling.so"), HasSubstr("No such file"));
  std::filesystem::create_symlink("loop.so", folder_ / "loop.so");
  EXPECT_NE(problem(folder_ / "loop.so"), "");
}

TEST_F(TrustTest, RefusesWhatIsNoRegularFileWithoutWaiting) {
  std::filesystem::create_directory(folder_ / "folder.so");
  EXPECT_THAT(problem(folder_ / "folder.so"), HasSubstr("not a regular file"));
  ASSERT_EQ(mkfifo((folder_ / "fifo.so").c_str(), 0600), 0);
  EXPECT_THAT(problem(folder_ / "fifo.so"), HasSubstr("not a regular file"));
  EXPECT_THAT(problem("/dev/null"), HasSubstr("not a regular file"));
  EXPECT_THAT(problem(folder_ / "missing.so"), HasSubstr("No such file"));
}

TEST_F(TrustTest, NoticesAFileThatChangesAfterTheLook) {
  const Result<TrustedLibrary> library = TrustedLibrary::open(library_);
  ASSERT_TRUE(library.ok());
  EXPECT_TRUE(library->unchanged().ok());
  write_text(folder_ / "y.so", "library");
  std::filesystem::rename(folder_ / "y.so", library_);
  EXPECT_THAT(library->unchanged().error().what, HasSubstr("was changed"));
  std::filesystem::remove(library_);
  EXPECT_THAT(library->unchanged().error().what, HasSubstr("was removed"));
}

}  // namespace
}  // namespace flame
