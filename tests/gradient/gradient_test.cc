// The gradient of every differentiable op and option against central differences in f64.
#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <set>

#include "core/ops/catalogue/catalogue.h"
#include "core/passes/differentiate.h"
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

using testing_support::evaluate;
using testing_support::numbers_of;

// The gradients of a case with all cotangents 1, computed in `dtype`.
TensorMap gradients_in(const GradientCase &c, DType dtype) {
  Sketch sketch(seed_of(c), dtype);
  c.write(sketch);
  Result<Program> program = sketch.program_builder().finish();
  if (!program.ok()) return ADD_FAILURE() << program.error().text(), TensorMap();
  const Result<Gradients> gradients =
      differentiate(*program, {sketch.outputs(), sketch.wanted(), false});
  if (!gradients.ok()) return ADD_FAILURE() << gradients.error().text(), TensorMap();
  TensorMap data = sketch.data();
  for (const std::string &name : sketch.outputs()) {
    const TensorType &type = program->type(program->find_output(name)->value);
    data["cotangent." + name] = testing_support::tensor_of(
        type, std::vector<double>(static_cast<size_t>(type.shape.element_count()), 1));
  }
  const Result<TensorMap> answers = evaluate(gradients->program, data);
  if (!answers.ok()) return ADD_FAILURE() << answers.error().text(), TensorMap();
  return *answers;
}

// ‖a - b‖ / (‖b‖ + 1) over all tensors.
double distance(const TensorMap &a, const TensorMap &b) {
  double error = 0;
  double size = 0;
  for (const auto &[name, tensor] : b) {
    const std::vector<double> left = numbers_of(a.at(name));
    const std::vector<double> right = numbers_of(tensor);
    for (size_t i = 0; i < right.size(); ++i) {
      if (left[i] == right[i]) continue;
      error += (left[i] - right[i]) * (left[i] - right[i]);
      size += right[i] * right[i];
    }
  }
  return std::sqrt(error) / (std::sqrt(size) + 1);
}

// Rules and decompositions must build, and keep types apart, in every type that is computed with.
TEST_P(GradientOf, IsNearlyTheSameInNarrowerTypes) {
  const TensorMap exact = gradients_in(GetParam(), DType::kF64);
  ASSERT_FALSE(exact.empty());
  for (const auto &[dtype, tolerance] :
       {std::pair{DType::kF32, 2e-5}, std::pair{DType::kF16, 0.05}, std::pair{DType::kBF16, 0.3}}) {
    const TensorMap narrow = gradients_in(GetParam(), dtype);
    ASSERT_FALSE(narrow.empty()) << name_of(dtype);
    EXPECT_LE(distance(narrow, exact), tolerance) << name_of(dtype);
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
