// The kernels of the cuda backend compile, for the oldest chip it takes and for Hopper. Needs NVRTC and
// no GPU.
#include <gmock/gmock.h>

#include <filesystem>
#include <set>

#include "backends/cuda/edge_convolution.h"
#include "backends/cuda/shallow_product.h"
#include "backends/cuda/short_attention.h"
#include "backends/cuda/tall_product.h"
#include "backends/cuda/thin_product.h"
#include "tests/backends/bare_calls.h"

namespace flame::cuda {
namespace {

bool is_known(std::string_view op) {
  return find_planner(op) != nullptr;
}

// The kernels that the backend would start; none if it refuses the op.
std::vector<KernelSource> kernels_of(const flame_op &call, const Target &target) {
  const flame::Op op(&call);
  std::vector<KernelSource> kernels;
  try {
    const std::unique_ptr<OpPlan> plan = find_planner(op.name())(op, target);
    if (const auto *own = dynamic_cast<const KernelPlan *>(plan.get())) {
      for (const KernelLaunch &launch : own->launches()) kernels.push_back(launch.source);
    }
  } catch (const flame::Error &error) {
    EXPECT_EQ(error.status(), FLAME_ERROR_UNSUPPORTED) << op.name() << ": " << error.what();
  }
  return kernels;
}

class Kernels : public testing::TestWithParam<int> {
 protected:
  void SetUp() override {
    try {
      nvrtc_ = std::make_unique<Nvrtc>("", 99000);
    } catch (const flame::Error &error) {
      GTEST_SKIP() << error.what();
    }
    target_.capability = GetParam();
  }

  void compile(const KernelSource &kernel, std::string_view what) {
    try {
      const std::string image = nvrtc_->compile(
          kernel.text(),
          compile_options(nvrtc_->architecture_for(GetParam()), kernel.may_contract));
      EXPECT_NE(image.find(kernel.entry), std::string::npos) << what;
    } catch (const flame::Error &error) {
      ADD_FAILURE() << what << "\n" << error.what();
    }
  }

  std::unique_ptr<Nvrtc> nvrtc_;
  Target target_;
};

TEST_P(Kernels, Compile) {
  std::set<std::string> seen;
  for (const backend_test::BareCall &call : backend_test::chosen_calls(is_known)) {
    for (const KernelSource &kernel : kernels_of(call.op(), target_)) {
      if (seen.insert(kernel.text() + kernel.entry).second)
        compile(kernel, flame::view(call.op().name));
    }
  }
  EXPECT_GT(seen.size(), 100u);
}

TEST_P(Kernels, OfShortAttentionCompile) {
  for (const auto &[type, columns, keys] :
       {std::array<int64_t, 3>{FLAME_DTYPE_BF16, 64, 77}, {FLAME_DTYPE_F16, 40, 128}}) {
    const Sizes q_sizes = {2, 300, 5, columns};
    const Sizes k_sizes = {2, keys, 5, columns};
    const Sizes q_strides = dense_strides(q_sizes);
    const Sizes k_strides = dense_strides(k_sizes);
    const auto tensor = [&, dtype = static_cast<flame_dtype>(type)](const Sizes &sizes,
                                                                    const Sizes &strides) {
      return flame_tensor{sizeof(flame_tensor), dtype,   4, 1, sizes.data(),
                          strides.data(),       nullptr, 0, 0};
    };
    const flame_tensor query = tensor(q_sizes, q_strides);
    const flame_tensor key = tensor(k_sizes, k_strides);
    const flame::AttributeArray attributes(
        std::vector<flame::Attribute>{{"scale", 0.125}, {"causal", true}});
    const flame_tensor *inputs[] = {&query, &key, &key};
    const flame_op call = {
        sizeof call,      3, 0, attributes.size(), flame::borrow("attention"), inputs, nullptr,
        attributes.data()};
    const flame::Op op(&call);
    const Heads q(op, "q", query);
    const Heads k(op, "k", key);
    const Mask mask(op, 3);
    ASSERT_TRUE(suits_short_attention(q, k, k, mask));
    for (const KernelSource &kernel : ShortAttention(q, k, k, mask, 0.125).kernels())
      compile(kernel, "attention");
    for (const KernelSource &kernel :
         ShortAttentionGrad(q, q, k, k, q, mask, 0.125, target_).kernels())
      compile(kernel, "attention_grad");
  }
}

TEST_P(Kernels, OfEdgesCompile) {
  for (const auto &[channels, filters] :
       {std::pair<int64_t, int64_t>{3, 128}, {128, 3}, {4, 320}, {320, 4}}) {
    for (const Convolution kind : {Convolution::kForward, Convolution::kInputGrad}) {
      ConvolutionShape shape;
      shape.kind = kind;
      shape.dtype = FLAME_DTYPE_F16;
      shape.image = {1, 128, 128, channels};
      shape.weight = {filters, 3, 3, channels};
      shape.result = {1, 128, 128, filters};
      shape.stride = shape.dilation = {1, 1};
      shape.padding = {1, 1, 1, 1};
      const std::optional<KernelLaunch> launch = edge_convolution_launch(shape, target_);
      ASSERT_TRUE(launch);
      compile(launch->source, "conv2d");
    }
  }
  ConvolutionShape wide;
  wide.dtype = FLAME_DTYPE_BF16;
  wide.image = wide.result = {1, 8, 8, 64};
  wide.weight = {64, 3, 3, 64};
  wide.stride = wide.dilation = {1, 1};
  wide.padding = {1, 1, 1, 1};
  EXPECT_FALSE(edge_convolution_launch(wide, target_));
}

// A product of dense matrices: a[m, k], or a row for each of k if transposed, and b[k, n] likewise.
ProductShape product_shape(int64_t m, int64_t n, int64_t k, bool a_transposed, bool b_transposed) {
  ProductShape shape;
  shape.input = shape.input_b = shape.output = FLAME_DTYPE_BF16;
  shape.m = m;
  shape.n = n;
  shape.k = k;
  shape.a = a_transposed ? MatrixStrides{1, m} : MatrixStrides{k, 1};
  shape.b = b_transposed ? MatrixStrides{1, k} : MatrixStrides{n, 1};
  shape.y = shape.c = {n, 1};
  return shape;
}

TEST_P(Kernels, OfProductsWithFewColumnsCompile) {
  for (const bool transposed : {false, true}) {
    for (const int64_t columns : {8, 16}) {
      const auto launch =
          thin_product_launch(product_shape(77, columns, 96, false, transposed), target_);
      ASSERT_TRUE(launch);
      compile(launch->source, "matmul");
    }
  }
  EXPECT_FALSE(thin_product_launch(product_shape(77, 48, 96, false, true), target_));
}

TEST_P(Kernels, OfProductsWithFewTermsCompile) {
  for (const bool transposed : {false, true}) {
    for (const flame_dtype output : {FLAME_DTYPE_BF16, FLAME_DTYPE_F32}) {
      for (const int64_t terms : {16, 32}) {
        ProductShape shape = product_shape(77, 128, terms, false, transposed);
        shape.output = output;
        for (const Addend addend : {Addend::kNone, Addend::kMatrix}) {
          shape.addend = addend;
          const auto launch = shallow_product_launch(shape, 2, target_);
          ASSERT_TRUE(launch);
          compile(launch->source, "matmul");
        }
      }
    }
  }
  ProductShape biased = product_shape(77, 128, 16, false, true);
  biased.addend = Addend::kBias;
  EXPECT_FALSE(shallow_product_launch(biased, 2, target_));
  EXPECT_FALSE(shallow_product_launch(product_shape(77, 96, 16, false, true), 2, target_));
  EXPECT_FALSE(shallow_product_launch(product_shape(77, 128, 48, false, true), 2, target_));
  EXPECT_FALSE(shallow_product_launch(product_shape(77, 128, 16, true, true), 2, target_));
}

TEST_P(Kernels, OfSumsOverManyRowsCompile) {
  for (const auto &[m, n] : {std::pair<int64_t, int64_t>{16, 64}, {64, 16}}) {
    for (const int64_t rows : {77, 1024, 4096}) {
      ProductShape shape = product_shape(m, n, rows, true, false);
      shape.output = FLAME_DTYPE_F32;
      const auto launch = tall_product_launch(shape, target_);
      // The last is shared by a cluster of blocks.
      ASSERT_EQ(launch.has_value(), rows < 4096 || target_.capability >= 90);
      if (launch) compile(launch->source, "matmul");
    }
  }
  EXPECT_FALSE(tall_product_launch(product_shape(64, 32, 77, true, false), target_));
  EXPECT_FALSE(tall_product_launch(product_shape(16, 64, 77, true, true), target_));
  EXPECT_FALSE(tall_product_launch(product_shape(16, 40, 77, true, false), target_));
}

// A folder of its own for what a compiler keeps.
class Compiler : public testing::Test {
 protected:
  Compiler() { std::filesystem::remove_all(folder_); }
  ~Compiler() override { std::filesystem::remove_all(folder_); }
  void SetUp() override {
    try {
      compiler_ = std::make_unique<KernelCompiler>("", folder_, 99000, 90);
    } catch (const flame::Error &error) {
      GTEST_SKIP() << error.what();
    }
  }
  static KernelSource source(int number, const char *body = "") {
    Definitions made;
    made.type("T", FLAME_DTYPE_F32).line("using Index = int;").number("kVector", 4);
    made.number("kThreads", 128 + 32 * number).flag("kDense", true);
    made.line("#define kBits 0").line(body).line("inline Index offset_y(Index i) { return i; }");
    return {"fill.cu", made.text(), "fill"};
  }

  const std::string folder_ = testing::TempDir() + "/flamehost-kernel-compiler-test";
  std::unique_ptr<KernelCompiler> compiler_;
};

TEST_F(Compiler, GivesWhatWasBegunAndWhatWasNot) {
  const std::string alone = KernelCompiler("", folder_ + "/alone", 99000, 90).image(source(0));
  for (int i = 0; i < 6; ++i) compiler_->begin(source(i % 4));
  for (int i = 5; i >= 0; --i) EXPECT_FALSE(compiler_->image(source(i)).empty()) << i;
  // Asked for again, after it was handed out.
  EXPECT_EQ(compiler_->image(source(0)), alone);
}

TEST_F(Compiler, TellsWhoAsksWhatDoesNotCompile) {
  const KernelSource wrong = source(0, "no code at all;");
  compiler_->begin(wrong);
  for (int i = 0; i < 2; ++i) {
    try {
      compiler_->image(wrong);
      ADD_FAILURE() << "it compiled";
    } catch (const flame::Error &error) {
      EXPECT_THAT(error.what(), testing::HasSubstr("does not compile a kernel"));
    }
  }
  EXPECT_FALSE(compiler_->image(source(1)).empty());
}

TEST_F(Compiler, EndsWithWorkThatNobodyAskedFor) {
  for (int i = 0; i < 24; ++i) compiler_->begin(source(i));
  compiler_.reset();
}

INSTANTIATE_TEST_SUITE_P(For, Kernels, testing::Values(80, 90));

}  // namespace
}  // namespace flame::cuda
