// Whether a file could be made: what is found before there is anything to write, and that nothing stays.
#include "core/base/can_create.h"

#include <gmock/gmock.h>

#include <fstream>

#include "tests/support/temporary_folder.h"

namespace flame {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

TEST(CanCreate, SaysYesAndLeavesNothing) {
  const test::TemporaryFolder folder;
  EXPECT_TRUE(can_create(folder / "a").ok());
  EXPECT_TRUE(can_create(folder / "not/there/yet/a").ok());
  EXPECT_TRUE(fs::is_empty(folder / "."));
}

TEST(CanCreate, SaysWhereAFileIsInTheWay) {
  const test::TemporaryFolder folder;
  std::ofstream(folder / "file") << "text";
  for (const char *path : {"file/a", "file/b/a"}) {
    const Status status = can_create(folder / path);
    ASSERT_FALSE(status.ok()) << path;
    EXPECT_EQ(status.error().kind, ErrorKind::kStorage);
    EXPECT_THAT(status.error().text(), HasSubstr("cannot create: Not a directory"));
    EXPECT_THAT(status.error().text(), HasSubstr("a part of it is no folder"));
  }
  EXPECT_FALSE(can_create("/proc/nowhere/a").ok());
}

}  // namespace
}  // namespace flame
