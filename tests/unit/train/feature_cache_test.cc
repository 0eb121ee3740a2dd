// The cache of latents and text states: what it gives back, and what it never takes.
#include "core/train/feature_cache.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <thread>

#include "core/base/file.h"
#include "tests/support/temporary_folder.h"

namespace flame {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

FeatureKey key_of(int64_t draw) {
  return FeatureKey().add("identity", "abc").add("picture", draw).add("model", "def");
}

TensorMap some_tensors(unsigned char first) {
  TensorMap tensors;
  tensors["latent"] = {{DType::kF32, Shape{2, 3}}, std::vector<std::byte>(24, std::byte{first})};
  tensors["text"] = {{DType::kBF16, Shape{4}}, std::vector<std::byte>(8, std::byte{7})};
  tensors["none"] = {{DType::kF32, Shape{0, 5}}, {}};
  return tensors;
}

bool equal(const TensorMap &a, const TensorMap &b) {
  if (a.size() != b.size()) return false;
  for (const auto &[name, tensor] : a) {
    const auto at = b.find(name);
    if (at == b.end() || at->second.type != tensor.type || at->second.bytes != tensor.bytes)
      return false;
  }
  return true;
}

std::vector<fs::path> files_in(const fs::path &folder) {
  std::vector<fs::path> files;
  for (const auto &entry : fs::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file()) files.push_back(entry.path());
  }
  return files;
}

class FeatureCacheTest : public testing::Test {
 protected:
  FeatureCache open() {
    Result<FeatureCache> cache = FeatureCache::open(folder_ / "cache");
    EXPECT_TRUE(cache.ok()) << cache.error().text();
    return *std::move(cache);
  }
  test::TemporaryFolder folder_;
};

TEST_F(FeatureCacheTest, GivesBackWhatWasStoredByAnotherRun) {
  {
    FeatureCache cache = open();
    EXPECT_FALSE(cache.has(key_of(0)));
    EXPECT_FALSE(cache.find(key_of(0))->has_value());
    ASSERT_TRUE(cache.store(key_of(0), some_tensors(1)).ok());
    ASSERT_TRUE(cache.store(key_of(1), some_tensors(2)).ok());
    EXPECT_EQ(cache.stored(), 2u);
  }
  FeatureCache cache = open();
  for (const int64_t draw : {0, 1}) {
    EXPECT_TRUE(cache.has(key_of(draw)));
    const auto got = cache.find(key_of(draw));
    ASSERT_TRUE(got.ok() && got->has_value());
    EXPECT_TRUE(equal(**got, some_tensors(static_cast<unsigned char>(draw + 1))));
  }
  EXPECT_EQ(cache.found(), 2u);
  EXPECT_FALSE(cache.find(key_of(2))->has_value());
}

TEST_F(FeatureCacheTest, TellsKeysApart) {
  const FeatureKey a = FeatureKey().add("a", "1\nb=2");
  const FeatureKey b = FeatureKey().add("a", "1").add("b", "2");
  const FeatureKey c = FeatureKey().add("a", "1\\nb=2");
  EXPECT_NE(a.text(), b.text());
  EXPECT_NE(a.text(), c.text());
  EXPECT_NE(a.digest(), b.digest());
  EXPECT_EQ(b.text(), "a=1\nb=2\n");
}

TEST_F(FeatureCacheTest, MakesDamagedEntriesAnew) {
  FeatureCache cache = open();
  ASSERT_TRUE(cache.store(key_of(0), some_tensors(1)).ok());
  const fs::path file = files_in(cache.folder()).at(0);
  const std::string whole = *read_file(file);
  uint64_t damaged = 0;
  for (size_t at = 0; at < whole.size(); ++at) {
    std::string wrong = whole;
    wrong[at] ^= 1;
    std::ofstream(file, std::ios::binary) << wrong;
    const auto got = cache.find(key_of(0));
    ASSERT_TRUE(got.ok()) << got.error().text();
    // A bit of the header that changes nothing of worth, such as a blank's, may be taken.
    EXPECT_TRUE(!got->has_value() || equal(**got, some_tensors(1))) << at;
    damaged += got->has_value() ? 0 : 1;
  }
  EXPECT_GT(damaged, whole.size() * 9 / 10);
  for (size_t size = 0; size < whole.size(); ++size) {
    std::ofstream(file, std::ios::binary) << whole.substr(0, size);
    ASSERT_FALSE(cache.find(key_of(0))->has_value()) << size;
  }
  EXPECT_EQ(cache.damaged(), damaged + whole.size());
  ASSERT_TRUE(cache.store(key_of(0), some_tensors(1)).ok());
  EXPECT_TRUE(cache.find(key_of(0))->has_value());
}

TEST_F(FeatureCacheTest, DoesNotTakeTheEntryOfAnotherKey) {
  FeatureCache cache = open();
  ASSERT_TRUE(cache.store(key_of(0), some_tensors(1)).ok());
  const fs::path file = files_in(cache.folder()).at(0);
  ASSERT_TRUE(cache.store(key_of(1), some_tensors(2)).ok());
  for (const fs::path &other : files_in(cache.folder()))
    if (other != file) fs::copy_file(file, other, fs::copy_options::overwrite_existing);
  EXPECT_TRUE(cache.find(key_of(0))->has_value());
  EXPECT_FALSE(cache.find(key_of(1))->has_value());
}

TEST_F(FeatureCacheTest, IsSharedByRunsOfTheSameTime) {
  std::vector<std::thread> runs;
  std::atomic<int> wrong{0};
  for (int run = 0; run < 4; ++run)
    runs.emplace_back([&] {
      FeatureCache cache = *FeatureCache::open(folder_ / "cache");
      for (int64_t i = 0; i < 50; ++i) {
        const auto expected = some_tensors(static_cast<unsigned char>(i));
        if (!cache.store(key_of(i), expected).ok()) ++wrong;
        const auto got = cache.find(key_of(i));
        if (!got.ok() || !got->has_value() || !equal(**got, expected)) ++wrong;
      }
      if (cache.damaged() > 0) ++wrong;
    });
  for (std::thread &run : runs) run.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(files_in(folder_ / "cache").size(), 50u) << "nothing is left behind";
}

TEST_F(FeatureCacheTest, SaysWhatIsWrongWithItsFolder) {
  std::ofstream(folder_ / "file") << "no folder";
  const auto blocked = FeatureCache::open(folder_ / "file");
  ASSERT_FALSE(blocked.ok());
  EXPECT_EQ(blocked.error().kind, ErrorKind::kStorage);
  EXPECT_THAT(blocked.error().text(), HasSubstr("'cache' in the section 'data'"));
  EXPECT_FALSE(FeatureCache::open(folder_ / "file/below").ok());

  FeatureCache cache = open();
  std::ofstream(cache.folder() / key_of(0).digest().substr(0, 2)) << "in the way";
  const Status stored = cache.store(key_of(0), some_tensors(1));
  ASSERT_FALSE(stored.ok());
  EXPECT_EQ(stored.error().kind, ErrorKind::kStorage);
  EXPECT_THAT(stored.error().text(), HasSubstr("'cache' in the section 'data'"));
}

TEST_F(FeatureCacheTest, SaysThatItsFolderCannotBeWrittenTo) {
  if (geteuid() == 0) GTEST_SKIP() << "root may write everywhere";
  FeatureCache cache = open();
  chmod(cache.folder().c_str(), 0500);
  const Status stored = cache.store(key_of(0), some_tensors(1));
  chmod(cache.folder().c_str(), 0700);
  ASSERT_FALSE(stored.ok());
  EXPECT_EQ(stored.error().kind, ErrorKind::kStorage);
}

}  // namespace
}  // namespace flame
