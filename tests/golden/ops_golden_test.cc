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

// What `copy` stores of f32 numbers in f8, and what it reads back.
class StoredInF8 : public testing::TestWithParam<const char *> {
 protected:
  void SetUp() override {
    const Result<Json> file = read_golden("roundings.json");
    ASSERT_TRUE(file.ok()) << file.error().text();
    const Json *types = file->find("types");
    ASSERT_TRUE(types && types->find(GetParam()));
    const Json &type = *types->find(GetParam());
    const auto take = [&](const char *name) {
      const Json *list = type.find(name);
      const Result<std::vector<double>> numbers = list ? read_numbers(*list) : config_error(name);
      EXPECT_TRUE(numbers.ok()) << name;
      return numbers.ok() ? *numbers : std::vector<double>();
    };
    values_ = take("values");
    inputs_ = take("inputs");
    codes_ = take("codes");
    ASSERT_EQ(inputs_.size(), codes_.size());
    ASSERT_EQ(inputs_.size(), 3 * (values_.size() - 1));
  }

  static std::vector<double> copied(const HostTensor &tensor, const std::string &to) {
    ProgramBuilder builder;
    const ValueId x = builder.input("x", tensor.type);
    builder.output("y", builder.add("copy", {{x}}, {{"dtype", to}})[0]);
    const Result<Program> program = builder.finish();
    if (!program.ok()) return ADD_FAILURE() << program.error().text(), std::vector<double>();
    const Result<TensorMap> answers = evaluate(*program, {{"x", tensor}});
    if (!answers.ok()) return ADD_FAILURE() << answers.error().text(), std::vector<double>();
    return numbers_of(answers->at("y"));
  }

  std::vector<double> values_;  // all finite ones from 0 up, in the order of their bits
  std::vector<double> inputs_;
  std::vector<double> codes_;
};

TEST_P(StoredInF8, EveryFiniteNumberReadsAsItIs) {
  HostTensor tensor;
  tensor.type = {*dtype_from_name(GetParam()), {static_cast<int64_t>(values_.size())}};
  for (size_t code = 0; code < values_.size(); ++code)
    tensor.bytes.push_back(static_cast<std::byte>(code));
  EXPECT_EQ(copied(tensor, "f32"), values_);
  for (std::byte &code : tensor.bytes) code |= std::byte{0x80};
  const std::vector<double> negative = copied(tensor, "f32");
  for (size_t i = 0; i < values_.size(); ++i) EXPECT_EQ(negative[i], -values_[i]);
}

TEST_P(StoredInF8, NumbersBetweenTwoNeighboursGoToTheNearerAndHalvesToEven) {
  const TensorType type{DType::kF32, {static_cast<int64_t>(inputs_.size())}};
  for (const double sign : {1.0, -1.0}) {
    std::vector<double> inputs = inputs_;
    for (double &input : inputs) input *= sign;
    const std::vector<double> stored = copied(testing_support::tensor_of(type, inputs), GetParam());
    ASSERT_EQ(stored.size(), codes_.size());
    for (size_t i = 0; i < stored.size(); ++i)
      EXPECT_EQ(stored[i], sign * values_.at(static_cast<size_t>(codes_[i]))) << inputs[i];
  }
}

INSTANTIATE_TEST_SUITE_P(Types, StoredInF8, testing::Values("f8_e4m3", "f8_e5m2"));

// The hash that both sides make inputs with: SplitMix64 started at 0 gives this number first.
TEST(GoldenFile, InputsComeFromThePublishedHash) {
  EXPECT_EQ(hash_of(0, 0), 0xE220A8397B1DCDAFu);
}

}  // namespace
}  // namespace flame::golden_test
