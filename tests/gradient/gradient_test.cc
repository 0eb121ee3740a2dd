// The gradient of every differentiable op and option against central differences in f64.
#include <gtest/gtest.h>

#include <set>

#include "core/ops/catalogue/catalogue.h"
#include "tests/gradient/gradient_case.h"

namespace flame::gradient_test {
namespace {

constexpr double kTolerance = 1e-6;

class GradientOf : public testing::TestWithParam<GradientCase> {};

TEST_P(GradientOf, EqualsCentralDifferences) {
  const Result<double> error = check_case(GetParam());
  ASSERT_TRUE(error.ok()) << error.error().text();
  EXPECT_LE(*error, kTolerance) << GetParam().op << ": " << GetParam().name;
  char text[32];
  std::snprintf(text, sizeof(text), "%.2e", *error);
  RecordProperty("error", text);
}

std::string test_name(const testing::TestParamInfo<GradientCase> &info) {
  std::string name = info.param.op + "_";
  for (const char c : info.param.name)
    name += std::isalnum(static_cast<unsigned char>(c)) ? c : '_';
  return name;
}

INSTANTIATE_TEST_SUITE_P(Ops, GradientOf, testing::ValuesIn(all_cases()), test_name);

TEST(Catalogue, EveryOpThatHasAGradientHasACase) {
  std::set<std::string_view> covered;
  const std::vector<GradientCase> cases = all_cases();
  for (const GradientCase &c : cases) covered.insert(c.op);
  for (const OpDefinition &op : catalogue()) {
    if (op.stops_gradient || (!op.gradient && !op.decompose)) continue;
    EXPECT_TRUE(covered.contains(op.name)) << "no gradient case for op '" << op.name << "'";
  }
}

}  // namespace
}  // namespace flame::gradient_test
