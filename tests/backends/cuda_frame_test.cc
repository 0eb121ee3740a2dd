// The parts of the cuda backend that need no GPU: kept kernels, libraries, the arithmetic of offsets.
#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "backends/cuda/axes.h"
#include "backends/cuda/elementwise.h"
#include "backends/cuda/kernel_cache.h"
#include "backends/cuda/shared_library.h"

namespace flame::cuda {
namespace {

using testing::HasSubstr;

class Cache : public testing::Test {
 protected:
  Cache() { std::filesystem::remove_all(folder); }
  ~Cache() override { std::filesystem::remove_all(folder); }

  // The only file of the folder.
  std::filesystem::path file() const { return std::filesystem::directory_iterator(folder)->path(); }
  std::string content() const {
    std::ifstream in(file(), std::ios::binary);
    return (std::ostringstream() << in.rdbuf()).str();
  }
  void write(const std::string &text) const { std::ofstream(file(), std::ios::binary) << text; }

  const std::string folder = testing::TempDir() + "/flamehost-kernel-cache-test";
  KernelCache cache{folder};
};

TEST_F(Cache, GivesBackWhatWasKept) {
  const std::string image("\0machine code", 13);
  EXPECT_EQ(cache.find("key"), std::nullopt);
  cache.keep("key", image);
  EXPECT_EQ(cache.find("key"), image);
  EXPECT_EQ(KernelCache(folder).find("key"), image);
  EXPECT_EQ(cache.find("another key"), std::nullopt);
}

TEST_F(Cache, TakesNoDamagedFileAndReplacesIt) {
  cache.keep("key", "image");
  const std::string whole = content();
  for (size_t size = 0; size < whole.size(); ++size) {
    write(whole.substr(0, size));
    EXPECT_EQ(cache.find("key"), std::nullopt) << size;
  }
  for (size_t i = 0; i < whole.size(); ++i) {
    std::string changed = whole;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    write(changed);
    EXPECT_EQ(cache.find("key"), std::nullopt) << i;
  }
  cache.keep("key", "image");
  EXPECT_EQ(cache.find("key"), "image");
}

TEST_F(Cache, TakesNoFileOfAnotherKey) {
  cache.keep("key", "image");
  const std::string of_key = content();
  std::filesystem::remove(file());
  cache.keep("another", "other image");
  write(of_key);
  EXPECT_EQ(cache.find("another"), std::nullopt);
}

TEST_F(Cache, GoesOnWhereNothingCanBeWritten) {
  std::ofstream(folder) << "a file in the folder's place";
  cache.keep("key", "image");
  EXPECT_EQ(cache.find("key"), std::nullopt);
}

TEST(Libraries, ThatAreMissingAreNamedWithWhatBringsThem) {
  try {
    const SharedLibrary library({"A library", {"libflame-nowhere.so.9"}, "the package nowhere"},
                                "");
    FAIL();
  } catch (const flame::Error &error) {
    EXPECT_THAT(error.what(), HasSubstr("libflame-nowhere.so.9"));
    EXPECT_THAT(error.what(), HasSubstr("the package nowhere"));
  }
}

TEST(Libraries, AreTriedFromTheNewestMajorDown) {
  EXPECT_EQ(numbered_files("libx.so", 13, 12),
            (std::vector<std::string>{"libx.so.13", "libx.so.12"}));
}

TEST(MergedAxes, AreAsFewAsAllTensorsAllow) {
  const Axes one = merged_axes({2, 1, 3, 4}, {{12, 99, 4, 1}});
  ASSERT_EQ(one.size(), 1u);
  EXPECT_EQ(one[0].size, 24);
  const Axes two = merged_axes({2, 3, 4}, {{12, 4, 1}, {0, 4, 1}});
  ASSERT_EQ(two.size(), 2u);
  EXPECT_EQ(two[1].size, 12);
  EXPECT_EQ(two[0].strides, (Sizes{12, 0}));
}

TEST(MergedAxes, FollowTheFirstTensorsOrder) {
  const Axes axes = merged_axes({3, 5}, {{1, 3}, {5, 1}}, AxisOrder::kByFirst);
  ASSERT_EQ(axes.size(), 2u);
  EXPECT_EQ(axes[0].size, 5);
  EXPECT_EQ(axes[1].strides, (Sizes{1, 5}));
}

TEST(MergedAxes, TellWhenOffsetsNeed64Bits) {
  EXPECT_FALSE(needs_wide_index({{1 << 20, {1}}}));
  EXPECT_TRUE(needs_wide_index({{int64_t{1} << 31, {1}}}));
  EXPECT_TRUE(needs_wide_index({{1 << 10, {-(1 << 22)}}}));
}

TEST(ElementwiseKernels, TakePacksWhereEveryStepIsAWholeNumberOfThem) {
  const auto text = [](const ElementwiseWork &work) {
    return elementwise_launch("-> x0", work).source.definitions;
  };
  const auto view = [](Sizes strides) { return ElementwiseView{0, FLAME_DTYPE_BF16, strides}; };
  EXPECT_THAT(text({{64}, {view({1})}, {view({1})}}), HasSubstr("kVector = 8;"));
  EXPECT_THAT(text({{3, 64}, {view({65, 1})}, {view({64, 1})}}),
              HasSubstr("for (int k = 0; k < kCount; ++k) x0.at[k]"));
  EXPECT_THAT(text({{3, 5}, {view({6, 1})}, {view({7, 1})}}), HasSubstr("kVector = 1;"));
}

}  // namespace
}  // namespace flame::cuda
