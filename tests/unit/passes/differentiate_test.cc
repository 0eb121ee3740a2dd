// Differentiation of whole programs: what is built, what is not, and how long it takes.
#include "core/passes/differentiate.h"

#include <gmock/gmock.h>

#include <ctime>

#include "core/ops/catalogue/terms.h"
#include "core/program/program_builder.h"
#include "tests/support/evaluate.h"

namespace flame {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing_support::evaluate;
using testing_support::numbers_of;
using testing_support::tensor_of;

const TensorType kScalar{DType::kF64, {}};

GradientRequest of_loss(std::vector<std::string> names) {
  return {{"loss"}, std::move(names)};
}

size_t count_ops(const Program &program, std::string_view op) {
  size_t count = 0;
  for (const Node &node : program.nodes()) count += node.op->name == op;
  return count;
}

TEST(Differentiate, GivesTheGradientOfASquare) {
  ProgramBuilder builder;
  const Term x = builder.term(builder.input("x", kScalar));
  builder.output("loss", (x * x).id());
  const Result<Gradients> result = differentiate(*builder.finish(), of_loss({"x"}));
  ASSERT_TRUE(result.ok()) << result.error().text();
  EXPECT_TRUE(validate(result->program).ok());
  const auto answers = evaluate(result->program, {{"x", tensor_of(kScalar, {3})}});
  EXPECT_THAT(numbers_of(answers->at("loss")), ElementsAre(9));
  EXPECT_THAT(numbers_of(answers->at("gradient.x")), ElementsAre(6));
}

TEST(Differentiate, BuildsOnlyPathsToWhatIsWanted) {
  ProgramBuilder builder;
  const Term x = builder.term(builder.parameter("x", {DType::kF32, {4, 4}}, true));
  const Term frozen = builder.term(builder.parameter("frozen", {DType::kF32, {4, 4}}, false));
  const Term far = matmul(matmul(frozen, frozen), frozen);
  builder.output("loss", sum(matmul(far, x), {0, 1}).id());
  const Result<Gradients> result = differentiate(*builder.finish(), of_loss({"x"}));
  ASSERT_TRUE(result.ok()) << result.error().text();
  EXPECT_EQ(count_ops(result->program, "matmul"), 4u);
  EXPECT_EQ(result->first_backward_node, 4u);
}

TEST(Differentiate, GoesPastAWeightStoredInF8AndNotThroughAnOperand) {
  const auto differentiated = [](DType stored) {
    ProgramBuilder builder;
    const Term x = builder.term(builder.input("x", {DType::kBF16, {2, 4}}));
    const Term weight = builder.term(builder.parameter("weight", {DType::kF8E4M3, {3, 4}}, false));
    const Term scale = builder.term(builder.parameter("scale", {DType::kF32, {}}, false));
    const Term y = apply_one("linear_scaled", {cast(x, stored), weight, scale, scale});
    builder.output("loss", sum(y, {0, 1}).id());
    return differentiate(*builder.finish(), of_loss({"x"}));
  };
  const Result<Gradients> past = differentiated(DType::kBF16);
  ASSERT_TRUE(past.ok()) << past.error().text();
  EXPECT_EQ(count_ops(past->program, "linear_scaled"), 1u);
  EXPECT_EQ(count_ops(past->program, "matmul"), 1u);
  const Result<Gradients> through = differentiated(DType::kF8E4M3);
  ASSERT_FALSE(through.ok());
  EXPECT_THAT(through.error().text(), HasSubstr("operand 0 'x', which is f8_e4m3[2, 4]"));
  EXPECT_THAT(through.error().text(), HasSubstr("stop_gradient"));
}

TEST(Differentiate, FillsUnreachedGradientsWithZerosAndSaysSo) {
  ProgramBuilder builder;
  const Term x = builder.term(builder.input("x", kScalar));
  const Term y = builder.term(builder.input("y", {DType::kF64, {2}}));
  builder.output("loss", (x * 2.0).id());
  builder.output("other", y.id());
  const Result<Gradients> result = differentiate(*builder.finish(), of_loss({"x", "y"}));
  ASSERT_TRUE(result.ok());
  EXPECT_THAT(result->unreached, ElementsAre("y"));
  const auto answers = evaluate(result->program, {{"x", tensor_of(kScalar, {3})},
                                                  {"y", tensor_of({DType::kF64, {2}}, {1, 2})}});
  EXPECT_THAT(numbers_of(answers->at("gradient.y")), ElementsAre(0, 0));
}

TEST(Differentiate, RefusesWhatHasNoGradient) {
  ProgramBuilder builder;
  const Term x = builder.term(builder.input("x", {DType::kF32, {3}}));
  builder.input("i", {DType::kI64, {3}});
  builder.output("vector", (x * 2.0).id());
  builder.output("count", map("lt x0 0", {x}).id());
  const Program program = *builder.finish();
  const auto error = [&](GradientRequest request) {
    return differentiate(program, request).error().text();
  };
  EXPECT_THAT(error({{"vector"}, {"x"}}), HasSubstr("not a scalar"));
  EXPECT_THAT(error({{"count"}, {"x"}, false}), HasSubstr("bool[3]"));
  EXPECT_THAT(error({{"vector"}, {"i"}, false}), HasSubstr("'i' is i64[3]"));
  EXPECT_THAT(error({{"vectr"}, {"x"}, false}), HasSubstr("did you mean 'vector'?"));
  EXPECT_THAT(error({{"vector"}, {"z"}, false}), HasSubstr("no parameter or input 'z'"));
}

enum class Form {
  kChain,
  kLadder,
  kFan
};

// A program of about `nodes` ops over small tensors, with a scalar loss.
Program program_of(Form form, int nodes) {
  ProgramBuilder builder;
  Term x = builder.term(builder.parameter("x", {DType::kF32, {4}}, true));
  const Term first = x;
  for (int i = 0; i < nodes; ++i) {
    if (form == Form::kChain) x = apply_one("tanh", {x});
    if (form == Form::kLadder) x = map(i % 2 ? "add x0 x1" : "mul x0 x1", {x, x});
    if (form == Form::kFan) x = i % 2 ? x + apply_one("sin", {first}) : x;
  }
  builder.output("loss", sum(x, {0}).id());
  return *builder.finish();
}

double seconds_for(Form form, int nodes, size_t &made) {
  const Program program = program_of(form, nodes);
  double best = 1e9;
  for (int run = 0; run < 3; ++run) {
    // The processor's time, so that other programs have no part in it.
    const std::clock_t start = std::clock();
    const Result<Gradients> result = differentiate(program, of_loss({"x"}));
    const double took = static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
    EXPECT_TRUE(result.ok());
    made = result->program.nodes().size();
    best = std::min(best, took);
  }
  return best;
}

class LargeGraph : public testing::TestWithParam<Form> {};

// The work is counted, which is the same on every machine; the times are printed for whoever tunes it. What is more than
// linear in time but not in nodes would not end: twice the nodes are 2·10^5, and their square 4·10^10.
TEST_P(LargeGraph, DifferentiatesWithLinearWork) {
  size_t made_once = 0, made_twice = 0;
  const double once = seconds_for(GetParam(), 100000, made_once);
  const double twice = seconds_for(GetParam(), 200000, made_twice);
  std::printf("10^5 nodes: %.3f s, 2·10^5: %.3f s (%.2f times), %zu nodes made\n", once, twice,
              twice / once, made_once);
  EXPECT_LE(made_once, 600000u);
  EXPECT_LE(made_twice, 2 * made_once);
}

INSTANTIATE_TEST_SUITE_P(Forms, LargeGraph,
                         testing::Values(Form::kChain, Form::kLadder, Form::kFan),
                         [](const auto &info) {
                           return info.param == Form::kChain    ? "Chain"
                                  : info.param == Form::kLadder ? "Ladder"
                                                                : "Fan";
                         });

}  // namespace
}  // namespace flame
