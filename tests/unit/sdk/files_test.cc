#include "flame/files.hpp"

#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>

#include "fake_host.h"

namespace {

class Files : public testing::Test {
 protected:
  Files() { flame::detail::globals.files = flame_files_of(host); }
  ~Files() override {
    flame::detail::globals = {};
    std::filesystem::remove_all(folder);
  }
  static const flame_files *flame_files_of(const flame_test::FakeHost &host) {
    return static_cast<const flame_files *>(
        host.get()->query(host.get(), FLAME_STR(FLAME_FILES_ID)));
  }

  flame_test::FakeHost host;
  // Of its own name: the tests run beside each other.
  static std::filesystem::path made_folder() {
    std::string name = testing::TempDir() + "flame-files-XXXXXX";
    return mkdtemp(name.data());
  }
  std::filesystem::path folder = made_folder();
  std::string path = folder / "file";
};

TEST_F(Files, AppearWhenTheyAreCommitted) {
  flame::Writer writer(path);
  writer.write("first ");
  writer.write("second");
  EXPECT_FALSE(std::filesystem::exists(path));
  writer.commit();
  EXPECT_EQ(flame::Reader(path).read_all(100), "first second");
}

TEST_F(Files, LeaveNothingBehindWhenSomethingIsThrown) {
  EXPECT_THROW(
      {
        flame::Writer writer(path);
        writer.write("half");
        throw flame::failed("no more");
      },
      flame::Error);
  EXPECT_TRUE(std::filesystem::is_empty(folder));
}

TEST_F(Files, AreReadFromAnyPlace) {
  std::ofstream(path) << "0123456789";
  flame::Reader reader(path);
  char bytes[3];
  reader.read(4, bytes, 3);
  EXPECT_EQ(std::string(bytes, 3), "456");
  EXPECT_EQ(reader.size(), 10u);
}

TEST_F(Files, AreRefusedWhenTheyAreLargerThanTheLimit) {
  std::ofstream(path) << "0123456789";
  EXPECT_THROW(flame::Reader(path).read_all(9), flame::Error);
  EXPECT_EQ(flame::Reader(path).read_all(10).size(), 10u);
}

TEST_F(Files, ThrowWhatTheHostSays) {
  try {
    flame::Reader reader(path);
    FAIL() << "nothing was thrown";
  } catch (const flame::Error &error) {
    EXPECT_EQ(error.status(), FLAME_ERROR_STORAGE);
    EXPECT_EQ(error.what(), "cannot open " + path);
  }
}

TEST_F(Files, SayThatAHostOffersNone) {
  flame::detail::globals.files = nullptr;
  EXPECT_THROW(flame::Reader{path}, flame::Error);
}

}  // namespace
