// The small pieces of core/base: hashes, files, suggestions, terminal text.
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "core/base/file.h"
#include "core/base/markup.h"
#include "core/base/sha256.h"
#include "core/base/suggest.h"
#include "core/base/terminal.h"

namespace flame {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(Markup, LeavesNothingThatATagOrAnAttributeCouldEndAt) {
  EXPECT_EQ(escape_markup("<a href=\"b\">'c' & d</a>"),
            "&lt;a href=&quot;b&quot;&gt;&#39;c&#39; &amp; d&lt;/a&gt;");
  EXPECT_EQ(escape_markup("ä"), "ä");
}

class FileTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = testing::TempDir() + "flame-file-XXXXXX";
    folder_ = mkdtemp(name.data());
  }
  void TearDown() override { fs::remove_all(folder_); }
  fs::path folder_;
};

TEST(Sha256, MatchesThePublishedVectors) {
  EXPECT_EQ(sha256(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(sha256("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST_F(FileTest, HashOfAFileIsTheHashOfItsBytes) {
  ASSERT_TRUE(write_file_atomically(folder_ / "f", std::string(200000, 'x')).ok());
  EXPECT_EQ(sha256_of_file(folder_ / "f").value(), sha256(std::string(200000, 'x')));
}

TEST_F(FileTest, WritesAndReadsBackWholeAndLeavesNothingElse) {
  ASSERT_TRUE(write_file_atomically(folder_ / "sub" / "f", "one").ok());
  ASSERT_TRUE(write_file_atomically(folder_ / "sub" / "f", "two").ok());
  EXPECT_EQ(read_file(folder_ / "sub" / "f").value(), "two");
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_ / "sub"), fs::directory_iterator{}), 1);
}

TEST_F(FileTest, AFailedWriteKeepsTheOldFileAndSaysWhy) {
  fs::create_directory(folder_ / "target");
  const Status status = write_file_atomically(folder_ / "target", "x");
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().kind, ErrorKind::kStorage);
  EXPECT_THAT(status.error().what, HasSubstr("target"));
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_), fs::directory_iterator{}), 1);
}

TEST_F(FileTest, RefusesAFolderAFifoAndADeviceWithoutWaiting) {
  mkfifo((folder_ / "fifo").c_str(), 0600);
  EXPECT_THAT(read_file(folder_).error().what, HasSubstr("folder"));
  EXPECT_THAT(read_file(folder_ / "fifo").error().what, HasSubstr("not a regular file"));
  EXPECT_THAT(read_file("/dev/zero").error().what, HasSubstr("not a regular file"));
}

TEST_F(FileTest, RefusesAFileOverTheLimit) {
  ASSERT_TRUE(write_file_atomically(folder_ / "f", "12345").ok());
  EXPECT_TRUE(read_file(folder_ / "f", 5).ok());
  EXPECT_FALSE(read_file(folder_ / "f", 4).ok());
}

TEST(Suggest, CountsASwapOfNeighboursAsOneEdit) {
  EXPECT_EQ(edit_distance("rank", "rnak"), 1u);
  EXPECT_EQ(edit_distance("learning_rate", "learning-Rate"), 0u);
  EXPECT_EQ(edit_distance("", "abc"), 3u);
}

TEST(Suggest, PutsTheNearestNameFirst) {
  EXPECT_THAT(nearest("stpes", {"seed", "steps", "step"}), ElementsAre("steps", "step"));
  EXPECT_THAT(nearest("qqqq", {"seed", "steps"}), IsEmpty());
  EXPECT_EQ(did_you_mean("rnk", {"rank"}), "did you mean 'rank'?");
}

TEST(Suggest, PrefersTheNameWithTheSameLettersAmongEquallyNearOnes) {
  EXPECT_EQ(did_you_mean("loar", {"lokr", "lora"}), "did you mean 'lora' or 'lokr'?");
}

TEST(Terminal, WritesControlCharactersAsText) {
  EXPECT_EQ(printable("a\x1b[31m\nb\r\x7f"), "a\\x1b[31m\nb\\x0d\\x7f");
}

}  // namespace
}  // namespace flame
