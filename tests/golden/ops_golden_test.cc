// Answers and gradients of the ops against those of another implementation (make_ops.py), in f64.
#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "core/passes/differentiate.h"
#include "core/program/program_builder.h"
#include "tests/golden/golden_case.h"

namespace flame::golden_test {
namespace {

using testing_support::evaluate;
using testing_support::numbers_of;

constexpr double kTolerance = 1e-12;

std::string input_name(size_t place) {
  return "x" + std::to_string(place);
}
std::string output_name(size_t place) {
  return "y" + std::to_string(place);
}

Result<Program> program_of(const OpCase &c) {
  ProgramBuilder builder;
  std::vector<ValueId> inputs;
  for (size_t i = 0; i < c.inputs.size(); ++i) {
    inputs.push_back(builder.input(input_name(i), c.inputs[i].type));
  }
  const std::vector<ValueId> outputs = builder.add(c.op, inputs, c.attributes);
  for (size_t i = 0; i < outputs.size() && builder.status().ok(); ++i) {
    builder.output(output_name(i), outputs[i]);
  }
  return builder.finish();
}

// The program with its gradients for the cotangents of the case, if it has any.
Result<Program> differentiated(const OpCase &c, const Program &program) {
  if (c.gradients.empty()) return program;
  GradientRequest request;
  request.cotangents_are_one = false;
  for (const auto &[place, draw] : c.cotangents) request.of.push_back(output_name(place));
  for (const auto &[place, numbers] : c.gradients)
    request.with_respect_to.push_back(input_name(place));
  FLAME_ASSIGN(Gradients gradients, differentiate(program, request));
  return std::move(gradients.program);
}

Result<TensorMap> answers_of(const OpCase &c) {
  FLAME_ASSIGN(const Program forward, program_of(c));
  FLAME_ASSIGN(const Program program, differentiated(c, forward));
  TensorMap given;
  for (size_t i = 0; i < c.inputs.size(); ++i) given[input_name(i)] = c.inputs[i].tensor();
  for (const auto &[place, draw] : c.cotangents) {
    given["cotangent." + output_name(place)] = draw.tensor();
  }
  return evaluate(program, given);
}

std::vector<OpCase> all_cases() {
  Result<std::vector<OpCase>> cases = read_op_cases("ops.json");
  return cases.ok() ? *std::move(cases) : std::vector<OpCase>();
}

class Golden : public testing::TestWithParam<OpCase> {};

TEST_P(Golden, AnswersAndGradientsAreEqual) {
  const OpCase &c = GetParam();
  const Result<TensorMap> answers = answers_of(c);
  ASSERT_TRUE(answers.ok()) << answers.error().text();
  double worst = 0;
  const auto expect = [&](const std::string &name, const std::vector<double> &expected) {
    ASSERT_TRUE(answers->contains(name)) << name;
    const double error = relative_error(numbers_of(answers->at(name)), expected);
    EXPECT_LE(error, kTolerance) << name;
    worst = std::max(worst, error);
  };
  for (size_t i = 0; i < c.outputs.size(); ++i) expect(output_name(i), c.outputs[i]);
  for (const auto &[place, numbers] : c.gradients) expect("gradient." + input_name(place), numbers);
  char text[32];
  std::snprintf(text, sizeof(text), "%.2e", worst);
  RecordProperty("error", text);
}

std::string test_name(const testing::TestParamInfo<OpCase> &info) {
  std::string name = info.param.op + "_";
  for (const char c : info.param.name)
    name += std::isalnum(static_cast<unsigned char>(c)) ? c : '_';
  return name;
}

INSTANTIATE_TEST_SUITE_P(Ops, Golden, testing::ValuesIn(all_cases()), test_name);

TEST(GoldenFile, IsReadWholeAndCoversTheOps) {
  const Result<std::vector<OpCase>> cases = read_op_cases("ops.json");
  ASSERT_TRUE(cases.ok()) << cases.error().text();
  std::set<std::string> ops;
  size_t with_gradients = 0;
  for (const OpCase &c : *cases) {
    ops.insert(c.op);
    if (!c.gradients.empty()) ++with_gradients;
  }
  EXPECT_GE(cases->size(), 200u);
  EXPECT_GE(with_gradients, 190u);
  EXPECT_GE(ops.size(), 78u);
}

// The hash that both sides make inputs with: SplitMix64 started at 0 gives this number first.
TEST(GoldenFile, InputsComeFromThePublishedHash) {
  EXPECT_EQ(hash_of(0, 0), 0xE220A8397B1DCDAFu);
}

}  // namespace
}  // namespace flame::golden_test
