// The gradient of every differentiable op and option against central differences in f64.
#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "core/ops/catalogue/catalogue.h"
#include "core/program/rewrite.h"
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

// How often each op stands in a program.
std::map<std::string_view, int> count_ops(const Program &program) {
  std::map<std::string_view, int> counts;
  for (const Node &node : program.nodes()) ++counts[node.op->name];
  return counts;
}

TEST(Catalogue, DecompositionsEndInTheOpsThatTheyName) {
  const std::vector<GradientCase> cases = all_cases();
  std::map<std::string_view, std::set<std::string_view>> used;
  for (const GradientCase &c : cases) {
    if (!find_op(c.op)->decompose) continue;
    Sketch sketch(1);
    c.write(sketch);
    const Program program = *sketch.program_builder().finish();
    const auto before = count_ops(program);
    for (const auto &[op, count] : count_ops(*expand_all(program))) {
      if (!before.contains(op) || count > before.at(op)) used[c.op].insert(op);
    }
  }
  for (const auto &[op, names] : used) {
    EXPECT_EQ(fmt::format("{}", fmt::join(names, ", ")), find_op(op)->decomposition) << op;
  }
}

}  // namespace
}  // namespace flame::gradient_test
