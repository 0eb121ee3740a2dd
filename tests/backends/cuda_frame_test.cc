// The parts of the cuda backend that need no GPU: kept kernels, libraries, the arithmetic of offsets.
#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "backends/cuda/axes.h"
#include "backends/cuda/elementwise.h"
#include "backends/cuda/kernel_cache.h"
#include "backends/cuda/kernel_plan.h"
#include "backends/cuda/op_plan.h"
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

// Why products of f8 are refused on a GPU; empty if they are taken.
struct StoredProduct {
  flame_dtype x = FLAME_DTYPE_F8_E4M3;
  flame_dtype weight = FLAME_DTYPE_F8_E4M3;
  flame_dtype y = FLAME_DTYPE_BF16;
  Sizes x_shape = {5, 32};
  Sizes weight_shape = {16, 32};
  Sizes x_strides = {32, 1};
  uint64_t x_offset = 0;
  int capability = 90;

  std::string refusal() const {
    const Sizes y_shape = {x_shape[0], weight_shape[0]};
    const std::vector<Sizes> strides = {x_strides, {weight_shape[1], 1}, {}, {y_shape[1], 1}};
    const auto tensor = [&](flame_dtype dtype, const Sizes &shape, size_t at, uint64_t offset) {
      const auto rank = static_cast<uint32_t>(shape.size());
      return flame_tensor{sizeof(flame_tensor), dtype,   rank,   1,      shape.data(),
                          strides[at].data(),   nullptr, offset, 1 << 20};
    };
    const flame_tensor inputs[] = {tensor(x, x_shape, 0, x_offset),
                                   tensor(weight, weight_shape, 1, 0),
                                   tensor(FLAME_DTYPE_F32, {}, 2, 0)};
    const flame_tensor output = tensor(y, y_shape, 3, 0);
    const flame_tensor *const pointers[] = {&inputs[0], &inputs[1], &inputs[2], &inputs[2]};
    const flame_tensor *const outputs[] = {&output};
    const flame::AttributeArray attributes(std::vector<flame::Attribute>{{"dtype", "bf16"}});
    const flame_op op = {sizeof op,
                         4,
                         1,
                         attributes.size(),
                         flame::borrow("linear_scaled"),
                         pointers,
                         outputs,
                         attributes.data()};
    Target target;
    target.capability = capability;
    try {
      find_planner("linear_scaled")(flame::Op(&op), target);
      return "";
    } catch (const flame::Error &error) {
      EXPECT_EQ(error.status(), FLAME_ERROR_UNSUPPORTED);
      return error.what();
    }
  }
};

TEST(ProductsOfF8, AreTakenAsTheTensorCoresHaveThemAndRefusedWithTheReason) {
  EXPECT_EQ(StoredProduct().refusal(), "");
  EXPECT_EQ((StoredProduct{.x = FLAME_DTYPE_F8_E5M2, .y = FLAME_DTYPE_F16}.refusal()), "");
  EXPECT_EQ((StoredProduct{.x_strides = {48, 1}, .x_offset = 16}.refusal()), "");
  EXPECT_THAT((StoredProduct{.capability = 86}.refusal()), HasSubstr("8.9, the GPU has 8.6"));
  EXPECT_THAT((StoredProduct{.x = FLAME_DTYPE_BF16}.refusal()), HasSubstr("input 0 is bf16"));
  EXPECT_THAT((StoredProduct{.x = FLAME_DTYPE_F8_E5M2, .weight = FLAME_DTYPE_F8_E5M2}.refusal()),
              HasSubstr("f8_e5m2 by f8_e5m2"));
  EXPECT_THAT((StoredProduct{.y = FLAME_DTYPE_F32}.refusal()), HasSubstr("y is f32"));
  EXPECT_THAT((StoredProduct{.weight_shape = {24, 32}}.refusal()),
              HasSubstr("in steps of 16, but the weight is f8_e4m3[24, 32]"));
  EXPECT_THAT((StoredProduct{.x_shape = {5, 0}, .weight_shape = {16, 0}}.refusal()),
              HasSubstr("in steps of 16"));
  EXPECT_THAT((StoredProduct{.x_strides = {1, 5}}.refusal()), HasSubstr("multiples of 16 bytes"));
  EXPECT_THAT((StoredProduct{.x_strides = {40, 1}}.refusal()), HasSubstr("multiples of 16 bytes"));
  EXPECT_THAT((StoredProduct{.x_offset = 8}.refusal()), HasSubstr("multiples of 16 bytes"));
}

// The launches of group_norm over bf16[images, side, side, channels].
std::vector<KernelLaunch> group_norm_launches(int64_t images, int64_t side, int64_t channels,
                                              int64_t groups, const Target &target) {
  const Sizes sizes = {images, side, side, channels};
  const Sizes strides = dense_strides(sizes);
  const flame_tensor x = {sizeof x,       FLAME_DTYPE_BF16, 4, 1, sizes.data(),
                          strides.data(), nullptr,          0, 0};
  const flame::AttributeArray attributes(
      std::vector<flame::Attribute>{{"groups", groups}, {"activation", "silu"}, {"eps", 1e-5}});
  const flame_tensor *inputs[] = {&x};
  const flame_op call = {
      sizeof call,      1, 0, attributes.size(), flame::borrow("group_norm"), inputs, nullptr,
      attributes.data()};
  const flame::Op op(&call);
  const std::unique_ptr<OpPlan> plan = find_planner(op.name())(op, target);
  return static_cast<const KernelPlan &>(*plan).launches();
}

TEST(GroupNorms, AreLaidOverAllMultiprocessorsOnce) {
  Target target;
  target.multiprocessors = 132;
  for (const auto &[images, side, channels] :
       {std::array<int64_t, 3>{1, 128, 320}, {1, 64, 640}, {1, 32, 1280}, {2, 128, 640}}) {
    const std::vector<KernelLaunch> launches =
        group_norm_launches(images, side, channels, 32, target);
    ASSERT_EQ(launches.size(), 2u);
    for (const KernelLaunch &launch : launches) {
      const uint32_t most = images * side * side * channels >= 16 << 20 && !launch.overlaps ? 2 : 1;
      EXPECT_LE(launch.blocks, 132u * most) << launch.source.entry << " of " << channels;
      EXPECT_GE(launch.blocks, 120u) << launch.source.entry << " of " << channels;
    }
  }
}

TEST(GroupNorms, OverlapWhereTheChipLetsTheirLaunchesWait) {
  Target target;
  for (const int capability : {80, 89, 90, 100}) {
    target.capability = capability;
    const std::vector<KernelLaunch> launches = group_norm_launches(1, 128, 320, 32, target);
    EXPECT_FALSE(launches[0].overlaps) << capability;
    EXPECT_EQ(launches[1].overlaps, capability >= 90) << capability;
  }
}

TEST(GroupNorms, OfMoreThanABlockHoldsAreRefused) {
  EXPECT_THROW(group_norm_launches(1, 4, 8192, 8192, {}), flame::Error);
  EXPECT_THROW(group_norm_launches(1, 4, 1031, 1, {}), flame::Error);
  EXPECT_EQ(group_norm_launches(1, 4, 4096, 4096, {}).size(), 2u);
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
