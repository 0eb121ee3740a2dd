// Op after op on two devices: values live from their first use to their last, views are nobody's op,
// and an op that hangs on the last digits of its inputs is no fault. Planted bugs: tests/mutants.
#include "core/runtime/conformance/lockstep.h"

#include <gmock/gmock.h>

#include "core/ops/catalogue/terms.h"
#include "core/program/program_builder.h"
#include "core/runtime/conformance/program_check.h"
#include "core/tensor/numbers.h"
#include "tests/support/devices.h"

namespace flame::conformance {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing_support::device;

// A row of maps over a matrix of 64 KiB, each with a parameter of its own.
Program row_of_maps(int count) {
  ProgramBuilder builder;
  Term x = builder.term(builder.input("x", {DType::kF32, {128, 128}}));
  for (int i = 0; i < count; ++i) {
    const Term w =
        builder.term(builder.parameter("w" + std::to_string(i), {DType::kF32, {128, 128}}, true));
    x = map("tanh x0; add t0 x1", {x, w});
  }
  builder.output("y", x.id());
  return *builder.finish();
}

LockstepRequest seeded(TensorMap &values, std::vector<std::string> *asked = nullptr) {
  LockstepRequest request;
  request.value = [&values, asked](const std::string &name) -> Result<HostTensor> {
    if (asked) asked->push_back(name);
    return values.at(name);
  };
  return request;
}

TEST(LockstepValues, AreHeldFromTheirFirstUseToTheirLast) {
  const Program program = row_of_maps(6);
  TensorMap values = seeded_values(program, 1);
  std::vector<std::string> asked;
  const auto check =
      check_lockstep(device("reference"), device("onednn"), program, seeded(values, &asked));
  ASSERT_TRUE(check.ok()) << check.error().text();
  EXPECT_FALSE(check->first) << check->first->wrong;
  EXPECT_EQ(check->nodes, 6u);
  EXPECT_THAT(asked, ElementsAre("x", "w0", "w1", "w2", "w3", "w4", "w5"));
  EXPECT_EQ(check->most_bytes, 3u * 128 * 128 * 4);  // two operands and the answer
}

TEST(LockstepValues, ViewsAreResolvedByTheHostAndNotCompared) {
  ProgramBuilder builder;
  const Term x = builder.term(builder.input("x", {DType::kF32, {4, 6}}));
  const Term turned = permute(x, {1, 0});
  const Term part = reshape(turned, Shape{2, 12});
  builder.output("y", map("exp x0", {part}).id());
  builder.output("total", sum(turned, {0}).id());
  const Program program = *builder.finish();
  TensorMap values = seeded_values(program, 1);
  const auto check = check_lockstep(device("reference"), device("onednn"), program, seeded(values));
  ASSERT_TRUE(check.ok()) << check.error().text();
  EXPECT_FALSE(check->first) << check->first->wrong;
  EXPECT_EQ(check->nodes, 2u);
}

TEST(LockstepValues, AnErrorOfTheSourceEndsTheCheck) {
  const Program program = row_of_maps(1);
  LockstepRequest request;
  request.value = [](const std::string &name) -> Result<HostTensor> {
    return storage_error("no " + name);
  };
  const auto check = check_lockstep(device("reference"), device("onednn"), program, request);
  ASSERT_FALSE(check.ok());
  EXPECT_THAT(check.error().what, HasSubstr("no x"));
}

// Large numbers that cancel but for a small rest.
TEST(LockstepGates, AnOpThatHangsOnTheLastDigitsOfItsInputsIsJudgedByThem) {
  ProgramBuilder builder;
  const Term x = builder.term(builder.input("x", {DType::kF32, {1, 8192}}));
  const Term ones = builder.term(builder.input("ones", {DType::kF32, {8192, 2}}));
  builder.output("y", matmul(x, ones).id());
  const Program program = *builder.finish();
  TensorMap values = seeded_values(program, 1);
  std::vector<double> numbers = numbers_of(values["x"]);
  for (size_t i = 0; i < 4096; ++i) {
    numbers[i] *= 1e4;
    numbers[8191 - i] = -numbers[i] + 1e-4;
  }
  values["x"] = tensor_of(values["x"].type, numbers);
  values["ones"] = tensor_of(values["ones"].type, std::vector<double>(size_t{2} * 8192, 1.0));
  const auto check = check_lockstep(device("reference"), device("onednn"), program, seeded(values));
  ASSERT_TRUE(check.ok()) << check.error().text();
  EXPECT_FALSE(check->first) << check->first->wrong;
  ASSERT_TRUE(check->worst);
  EXPECT_GT(check->worst->difference.norm_relative, 1e-5);
  EXPECT_EQ(check->ill_conditioned, 1u);
}

TEST(ComparedOutputs, AZeroMustBeZeroAndATinyOneIsJudgedByItsSize) {
  const TensorType type{DType::kF32, {4}};
  const auto tensor = [&](double a, double b) {
    return tensor_of(type, std::vector<double>{a, b, a, b});
  };
  const TensorMap expected = {
      {"a", tensor(1, 2)}, {"b", tensor(2, 3)}, {"tiny", tensor(1e-9, 0)}, {"zero", tensor(0, 0)}};
  TensorMap seen = expected;
  seen["tiny"] = tensor(2e-9, 0);
  const Tier tier{"f32", {1e-5, 1e-5}, 2e-6, 1e-9};
  const std::vector<std::string> names = {"a", "b", "tiny", "zero"};
  EXPECT_TRUE(compare_outputs(names, expected, seen, tier).equal());
  seen["zero"] = tensor(1e-12, 0);
  const ProgramCheck check = compare_outputs(names, expected, seen, tier);
  EXPECT_FALSE(check.equal());
  EXPECT_FALSE(check.outputs[3].wrong.empty());
  EXPECT_TRUE(check.outputs[2].wrong.empty());
}

TEST(ComparedOutputs, TheMedianAndTheWholeAreJudgedWhereTheTierSaysSo) {
  const TensorType type{DType::kF32, {2}};
  const TensorMap expected = {{"a", tensor_of(type, std::vector<double>{1, 2})},
                              {"b", tensor_of(type, std::vector<double>{3, 4})}};
  TensorMap seen = expected;
  for (auto &[name, tensor] : seen) {
    std::vector<double> numbers = numbers_of(tensor);
    numbers[0] *= 1.02, numbers[1] *= 0.985;
    tensor = tensor_of(type, numbers);
  }
  const Tier loose{"bf16", {5e-2, 5e-2}, 5e-2, 1e-3};
  Tier strict = loose;
  strict.middle = 1e-2;
  EXPECT_TRUE(compare_outputs({"a", "b"}, expected, seen, loose).equal());
  const ProgramCheck check = compare_outputs({"a", "b"}, expected, seen, strict);
  EXPECT_FALSE(check.equal());
  EXPECT_GT(check.median_error, 1e-2);
  EXPECT_GT(check.joined_error, 1e-2);
}

}  // namespace
}  // namespace flame::conformance
