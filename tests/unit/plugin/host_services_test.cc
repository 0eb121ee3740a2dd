#include "core/plugin/host_services.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include "core/base/call_scope.h"
#include "core/base/file.h"
#include "core/base/flame_text.h"
#include "tests/unit/plugin/samples.h"

namespace flame {
namespace {

using test::TemporaryFolder;
using test::write_text;
using testing::HasSubstr;

class HostFilesTest : public testing::Test {
 protected:
  flame_reader *open(const std::filesystem::path &path) {
    flame_reader *reader = nullptr;
    const std::string name = path.string();
    status_ = files_.open_reader(files_.self, scope_.call(), flame_text(name), &reader);
    return reader;
  }
  flame_writer *create(const std::filesystem::path &path) {
    flame_writer *writer = nullptr;
    const std::string name = path.string();
    status_ = files_.open_writer(files_.self, scope_.call(), flame_text(name), &writer);
    return writer;
  }
  std::string reason() const { return scope_.finish(status_).error().what; }
  size_t count_files() const {
    return static_cast<size_t>(
        std::distance(std::filesystem::directory_iterator(folder_.path()), {}));
  }

  TemporaryFolder folder_;
  const flame_files &files_ = host_files();
  CallScope scope_{"org.example.x", "test"};
  flame_status status_ = FLAME_OK;
};

TEST_F(HostFilesTest, ReadsAnyPartOfAFile) {
  write_text(folder_ / "f", "0123456789");
  flame_reader *reader = open(folder_ / "f");
  ASSERT_TRUE(reader);
  EXPECT_EQ(files_.size(reader), 10u);
  char part[4] = {};
  EXPECT_EQ(files_.read(reader, scope_.call(), 6, part, 4), FLAME_OK);
  EXPECT_EQ(std::string_view(part, 4), "6789");
  EXPECT_EQ(files_.read(reader, scope_.call(), 10, nullptr, 0), FLAME_OK);
  files_.close_reader(reader);
}

TEST_F(HostFilesTest, RefusesToReadBehindTheEnd) {
  write_text(folder_ / "f", "0123456789");
  flame_reader *reader = open(folder_ / "f");
  char part[4];
  for (const uint64_t offset : {uint64_t{7}, uint64_t{11}, UINT64_MAX - 1}) {
    status_ = files_.read(reader, scope_.call(), offset, part, 4);
    EXPECT_EQ(status_, FLAME_ERROR_STORAGE);
    EXPECT_THAT(reason(), HasSubstr("the file has 10"));
  }
  files_.close_reader(reader);
}

TEST_F(HostFilesTest, NoticesAFileThatShrankWhileItWasRead) {
  write_text(folder_ / "f", "0123456789");
  flame_reader *reader = open(folder_ / "f");
  ASSERT_EQ(truncate((folder_ / "f").c_str(), 5), 0);
  char part[10];
  status_ = files_.read(reader, scope_.call(), 0, part, 10);
  EXPECT_EQ(status_, FLAME_ERROR_STORAGE);
  EXPECT_THAT(reason(), HasSubstr("has become shorter"));
  files_.close_reader(reader);
}

TEST_F(HostFilesTest, RefusesPathsThatAreNone) {
  for (const std::string &path :
       {std::string(), std::string("relative"), std::string("/a\0b", 4)}) {
    flame_reader *reader = nullptr;
    EXPECT_EQ(files_.open_reader(files_.self, scope_.call(), flame_text(path), &reader),
              FLAME_ERROR_INVALID_ARGUMENT);
    EXPECT_FALSE(reader);
  }
  EXPECT_FALSE(open(folder_.path()));
  EXPECT_EQ(status_, FLAME_ERROR_STORAGE);
  EXPECT_FALSE(open(folder_ / "missing"));
  EXPECT_THAT(reason(), HasSubstr("missing: cannot open"));
  EXPECT_EQ(files_.open_reader(files_.self, scope_.call(), flame_text("/x"), nullptr),
            FLAME_ERROR_INVALID_ARGUMENT);
}

TEST_F(HostFilesTest, GivesAFileItsNameOnlyAtTheCommit) {
  write_text(folder_ / "f", "old");
  flame_writer *writer = create(folder_ / "f");
  ASSERT_TRUE(writer);
  EXPECT_EQ(files_.write(writer, scope_.call(), "ne", 2), FLAME_OK);
  EXPECT_EQ(files_.write(writer, scope_.call(), "w", 1), FLAME_OK);
  EXPECT_EQ(*read_file(folder_ / "f"), "old");
  EXPECT_EQ(files_.commit(writer, scope_.call()), FLAME_OK);
  EXPECT_EQ(*read_file(folder_ / "f"), "new");
  EXPECT_EQ(count_files(), 1u);
}

TEST_F(HostFilesTest, LeavesNothingBehindADiscardedFile) {
  flame_writer *writer = create(folder_ / "f");
  EXPECT_EQ(files_.write(writer, scope_.call(), "new", 3), FLAME_OK);
  files_.discard(writer);
  EXPECT_EQ(count_files(), 0u);
}

TEST_F(HostFilesTest, FailsTheCommitWhenTheNameCannotBeTaken) {
  flame_writer *writer = create(folder_ / "f");
  write_text(folder_ / "f/x", "in the way");
  status_ = files_.commit(writer, scope_.call());
  EXPECT_EQ(status_, FLAME_ERROR_STORAGE);
  EXPECT_EQ(count_files(), 1u) << "the temporary file must be gone";
}

TEST(HostTable, OffersItsServicesAndNothingElse) {
  const flame_host &host = host_for("org.example.x");
  EXPECT_EQ(host.struct_size, sizeof host);
  EXPECT_EQ(host.minor, FLAME_ABI_MINOR);
  EXPECT_EQ(text_of(host.name), "flamehost");
  EXPECT_TRUE(host.query(&host, flame_text(FLAME_LOG_ID)));
  EXPECT_TRUE(host.query(&host, flame_text(FLAME_FILES_ID)));
  for (const char *id : {"", "flame.log", "flame.log/2", "flame.threadpool/1"}) {
    EXPECT_FALSE(host.query(&host, flame_text(id))) << id;
  }
  EXPECT_FALSE(host.query(&host, {nullptr, 0}));
  EXPECT_FALSE(host.query(nullptr, flame_text(FLAME_LOG_ID)));
}

TEST(HostTable, PutsThePluginsIdBeforeWhatItLogs) {
  const flame_host &host = host_for("org.example.x");
  const auto *log = static_cast<const flame_log *>(host.query(&host, flame_text(FLAME_LOG_ID)));
  EXPECT_EQ(log->enabled(log->self, FLAME_LOG_ERROR), 1u);
  testing::internal::CaptureStderr();
  log->write(log->self, FLAME_LOG_WARNING, flame_text("no device"));
  log->write(log->self, 99, flame_text("unknown level"));
  log->write(log->self, FLAME_LOG_INFO, {nullptr, 0});
  const std::string written = testing::internal::GetCapturedStderr();
  EXPECT_THAT(written, HasSubstr("[org.example.x] no device"));
  EXPECT_THAT(written, HasSubstr("[org.example.x] unknown level"));
  EXPECT_EQ(last_message(host), "unknown level");
  EXPECT_EQ(last_message(host_for("org.example.y")), "");
}

}  // namespace
}  // namespace flame
