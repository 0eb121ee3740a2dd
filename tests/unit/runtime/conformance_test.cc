// The conformance suite's own parts: cases for every op, layouts inside their buffers, and measures
// that see what they must.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <set>

#include "core/ops/catalogue/catalogue.h"
#include "core/runtime/conformance/compare.h"
#include "core/runtime/conformance/fill.h"
#include "core/runtime/conformance/layout.h"
#include "core/runtime/conformance/suite.h"
#include "core/tensor/numbers.h"

namespace flame::conformance {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
const double kNaN = std::nan("");

HostTensor f32(const std::vector<double> &numbers) {
  return tensor_of({DType::kF32, {static_cast<int64_t>(numbers.size())}}, numbers);
}

HostTensor f64(const std::vector<double> &numbers) {
  return tensor_of({DType::kF64, {static_cast<int64_t>(numbers.size())}}, numbers);
}

TEST(ConformanceCases, EveryOpThatBackendsRunHasAFileOfThem) {
  for (const OpDefinition &op : catalogue()) {
    if (op.group == OpGroup::kView) continue;  // no backend sees these
    EXPECT_NE(find_cases(op.name), nullptr)
        << "add core/runtime/conformance/cases/" << op.name << ".cc";
  }
}

TEST(ConformanceCases, AreRightUsesOfTheirOpsWithNamesOfTheirOwn) {
  for (const OpDefinition &op : catalogue()) {
    if (!find_cases(op.name)) continue;
    const Result<std::vector<TypedCase>> cases = typed_cases(op);
    ASSERT_TRUE(cases.ok()) << cases.error().text();
    std::set<std::string> names;
    for (const TypedCase &c : *cases) {
      EXPECT_TRUE(names.insert(c.name).second) << c.name;
    }
    EXPECT_GE(cases->size(), 4u) << op.name;
  }
}

TEST(ConformanceCases, AreManyAndTheQuickPartHasSomeOfEveryType) {
  EXPECT_GE(*count_cases({}), 4000);
  for (const OpDefinition &op : catalogue()) {
    if (op.group == OpGroup::kView) continue;
    const SuiteOptions quick{std::string(op.name), true, {}};
    std::set<DType> types;
    const auto cases = typed_cases(op);
    for (const TypedCase &c : *cases) types.insert(c.dtype);
    EXPECT_GE(*count_cases(quick), static_cast<int64_t>(types.size())) << op.name;
  }
}

TEST(ConformanceCases, APatternThatNamesNoOpIsAnError) {
  EXPECT_FALSE(count_cases({"no_such_op", false, {}}).ok());
  EXPECT_FALSE(count_cases({"reshape", false, {}}).ok());
  EXPECT_EQ(*count_cases({"matmul,map", false, {}}),
            *count_cases({"matmul", false, {}}) + *count_cases({"map", false, {}}));
}

TEST(Fill, IsTheSameEachTimeAndWholeWhereItSaysSo) {
  const TensorType type{DType::kF32, {40}};
  EXPECT_EQ(numbers_for(Content::kNormal, type, 0, 7), numbers_for(Content::kNormal, type, 0, 7));
  EXPECT_NE(numbers_for(Content::kNormal, type, 0, 7), numbers_for(Content::kNormal, type, 0, 8));
  std::set<double> seen;
  for (const double number : numbers_for(Content::kWhole, type, 0, 1)) {
    EXPECT_EQ(number, std::floor(number));
    EXPECT_LE(std::fabs(number), 4);
    seen.insert(number);
  }
  EXPECT_GE(seen.size(), 7u);
}

TEST(Layouts, StayInsideTheirBuffers) {
  for (const Shape &shape :
       {Shape{}, Shape{1}, Shape{3, 5}, Shape{2, 3, 4}, Shape{0, 3}, Shape{3, 0}, Shape{1, 7, 1}}) {
    for (int i = 0; i <= static_cast<int>(Layout::kInPlace); ++i) {
      for (const bool output : {false, true}) {
        const TensorType type{DType::kF32, shape};
        const Placement placement = place(static_cast<Layout>(i), type, output);
        EXPECT_EQ(placement.view.type(), type);
        EXPECT_LE(placement.view.reach_bytes(), placement.buffer_bytes);
        const auto extent = placement.view.view.extent();
        EXPECT_GE(extent ? extent->first : 0, 0);
      }
    }
  }
}

TEST(Compare, MeasuresNormAndRatio) {
  const Difference scaled = compare_numbers(f64({1, 2, 3}), f32({1.01, 2.02, 3.03}));
  EXPECT_NEAR(scaled.norm_relative, 0.01, 1e-6);
  EXPECT_NEAR(scaled.norm_ratio, 0.01, 1e-6);
  EXPECT_NE(exceeds(scaled, tolerance_for(DType::kF32)), "");
  const Difference equal = compare_numbers(f64({1, 2, 3}), f32({1, 2, 3}));
  EXPECT_EQ(exceeds(equal, tolerance_for(DType::kF32)), "");
  EXPECT_EQ(compare_numbers(f64({0, 0}), f32({0, 1e-9})).norm_relative, 1);
}

TEST(Compare, TakesInfinitiesAndNaNExactly) {
  EXPECT_EQ(compare_numbers(f64({kNaN, kInfinity, 1}), f32({kNaN, kInfinity, 1})).first, "");
  EXPECT_NE(compare_numbers(f64({1, kInfinity}), f32({1, -kInfinity})).first, "");
  EXPECT_NE(compare_numbers(f64({1, 2}), f32({1, kNaN})).first, "");
  EXPECT_NE(compare_numbers(f64({kNaN, 2}), f32({1, 2})).first, "");
  EXPECT_EQ(compare_numbers(f64({1e39, 2}), f32({kInfinity, 2})).first, "") << "beyond f32's range";
  EXPECT_NE(compare_numbers(f64({1e37, 2}), f32({kInfinity, 2})).first, "");
}

TEST(Compare, BitsAreTheSameUpToThePayloadOfNaN) {
  EXPECT_EQ(compare_bits(f32({1, kNaN}), f32({1, -kNaN}), false).first, "");
  EXPECT_NE(compare_bits(f32({0}), f32({-0.0}), false).first, "");
  EXPECT_EQ(compare_bits(f32({0}), f32({-0.0}), true).first, "");
  const std::string first = compare_bits(f32({1, 2}), f32({1, 2.5}), false).first;
  EXPECT_EQ(first, "at [1]: 2.5, expected 2");
}

TEST(Compare, AnAnswerOfZerosIsNotTrusted) {
  const std::vector<double> ones(20, 1);
  std::vector<double> zeros(20, 0);
  zeros[3] = 1;
  EXPECT_TRUE(compare_numbers(f64(ones), f32(zeros)).mistrusted);
  EXPECT_FALSE(compare_numbers(f64(zeros), f32(zeros)).mistrusted);
  EXPECT_FALSE(compare_numbers(f64(ones), f32(ones)).mistrusted);
}

TEST(Compare, OneRoundingOfANarrowTypeIsAllowedAndNotTwo) {
  const auto bf16 = [](double number) { return tensor_of({DType::kBF16, {1}}, {{number}}); };
  const Tolerance tolerance = tolerance_for(DType::kBF16);
  EXPECT_EQ(exceeds(compare_numbers(f64({1.0039}), bf16(1.0039)), tolerance), "");
  EXPECT_NE(exceeds(compare_numbers(f64({1.001}), bf16(1.0079)), tolerance), "");
}

}  // namespace
}  // namespace flame::conformance
