// Small products of one tensor as one, and slices of one tensor as one.
#include "core/passes/clean_up.h"
#include "core/passes/join_slices.h"
#include "core/passes/merge_products.h"
#include "tests/unit/passes/pass_samples.h"

namespace flame {
namespace {

using namespace pass_test;

// Three adapters beside x, and one beside what the first gives.
Program adapters(DType compute, bool trained = true) {
  ProgramBuilder builder;
  const Term x = cast(builder.term(builder.input("x", {DType::kF32, {2, 5, 8}})), compute);
  const auto weight = [&](const char *name, int64_t rows, int64_t columns) {
    return cast(builder.term(builder.parameter(name, {DType::kF32, {rows, columns}}, trained)),
                compute);
  };
  Term sum;
  for (const char *name : {"q", "k", "v"}) {
    const Term down = apply_one("linear", {x, weight(name, 4, 8)});
    const Term up = apply_one("linear", {down, weight((std::string(name) + "_up").c_str(), 8, 4)});
    sum = sum ? sum + up : up;
  }
  const Term last = apply_one("linear", {sum, weight("out", 4, 8)});
  builder.output("loss", reduce("sum", cast(last, DType::kF32), {0, 1, 2}).id());
  builder.output("sum", sum.id());
  return *builder.finish();
}

TEST(MergeProducts, TakesSmallTrainedWeightsOfOneTensorTogether) {
  for (const DType compute : {DType::kF32, DType::kBF16}) {
    const Program program = adapters(compute);
    size_t merged = 0;
    const Result<Program> made = merge_products(program, &merged);
    ASSERT_TRUE(made.ok()) << made.error().text();
    ASSERT_TRUE(validate(*made).ok());
    EXPECT_EQ(merged, 2u);
    EXPECT_EQ(count_ops(*made, "linear"), 5u) << to_text(*made);  // downs, three ups, out
    EXPECT_EQ(distance(*made, program), 0);
  }
}

TEST(MergeProducts, GivesTheSameGradients) {
  const Program program = adapters(DType::kF32);
  EXPECT_LE(distance(with_gradients(*merge_products(program)), with_gradients(program)), 1e-6);
}

TEST(MergeProducts, LeavesFrozenWeightsAlone) {
  size_t merged = 0;
  ASSERT_TRUE(merge_products(adapters(DType::kF32, false), &merged).ok());
  EXPECT_EQ(merged, 0u);
}

TEST(MergeProducts, LeavesLargeWeightsAndBiasesAlone) {
  ProgramBuilder builder;
  const Term x = builder.term(builder.input("x", {DType::kF32, {3, 8}}));
  const auto parameter = [&](const char *name, const Shape &shape) {
    return builder.term(builder.parameter(name, {DType::kF32, shape}, true));
  };
  for (const char *name : {"a", "b"})
    builder.output(name, apply_one("linear", {x, parameter(name, {129, 8})}).id());
  for (const char *name : {"c", "d"}) {
    const Term bias = parameter((std::string(name) + "_bias").c_str(), Shape{4});
    builder.output(name, apply_one("linear", {x, parameter(name, {4, 8}), bias}).id());
  }
  size_t merged = 0;
  ASSERT_TRUE(merge_products(*builder.finish(), &merged).ok());
  EXPECT_EQ(merged, 0u);
}

// Rows of x that stand at those places, one behind the other.
Program rows(const std::vector<std::pair<int64_t, int64_t>> &places, DType dtype = DType::kF32) {
  ProgramBuilder builder;
  const Term x = builder.term(builder.input("x", {DType::kF32, {64}}));
  std::vector<Term> parts;
  for (const auto &[start, count] : places)
    parts.push_back(cast(reshape(slice(x, 0, start, count * 4), {count, 4}), dtype));
  builder.output("y", concat(parts, 0).id());
  return *builder.finish();
}

TEST(JoinSlices, MakesOnePieceOfNeighbours) {
  const Program program = rows({{8, 2}, {16, 3}, {28, 1}});
  JoinCounts counts;
  const Result<Program> made = join_slices(program, &counts);
  ASSERT_TRUE(made.ok()) << made.error().text();
  EXPECT_EQ(counts.pieces, 2u);
  EXPECT_EQ(count_ops(*clean_up(*made), "concat"), 0u) << to_text(*made);
  EXPECT_EQ(distance(*made, program), 0);
}

TEST(JoinSlices, KeepsPiecesThatAreNoNeighboursApart) {
  const Program program = rows({{8, 2}, {20, 1}, {4, 1}, {8, 1}, {12, 2}});
  JoinCounts counts;
  const Result<Program> made = join_slices(program, &counts);
  ASSERT_TRUE(made.ok()) << made.error().text();
  EXPECT_EQ(counts.pieces, 2u);
  EXPECT_EQ(count_ops(*made, "concat"), 1u);
  EXPECT_EQ(distance(*made, program), 0);
}

TEST(JoinSlices, CastsATensorOnceWhereItsSlicesAreCast) {
  const Program program = rows({{0, 4}, {32, 4}, {16, 2}}, DType::kBF16);
  JoinCounts counts;
  const Result<Program> made = join_slices(program, &counts);
  ASSERT_TRUE(made.ok()) << made.error().text();
  EXPECT_EQ(counts.casts, 3u);
  EXPECT_EQ(count_ops(*clean_up(*made), "copy"), 1u) << to_text(*made);
  EXPECT_EQ(distance(*made, program), 0);
  // Not where most of it would be cast for nothing.
  const Program little = rows({{0, 2}, {32, 2}}, DType::kBF16);
  counts = {};
  ASSERT_TRUE(join_slices(little, &counts).ok());
  EXPECT_EQ(counts.casts, 0u);
}

TEST(JoinSlices, CastsOnceWhatIsJoinedAndWhatIsNot) {
  ProgramBuilder builder;
  const Term x = builder.term(builder.input("x", {DType::kF32, {64}}));
  const auto row = [&](int64_t start) { return reshape(slice(x, 0, start, 16), {2, 8}); };
  builder.output("joined", cast(concat({row(0), row(16)}, 0), DType::kBF16).id());
  builder.output("single", cast(row(32), DType::kBF16).id());
  const Program program = *builder.finish();
  JoinCounts counts;
  const Result<Program> made = join_slices(program, &counts);
  ASSERT_TRUE(made.ok()) << made.error().text();
  const Program clean = *clean_up(*made);
  EXPECT_EQ(count_ops(clean, "copy"), 1u) << to_text(clean);
  EXPECT_EQ(count_ops(clean, "concat"), 0u);
  EXPECT_EQ(distance(*made, program), 0);
}

TEST(JoinSlices, SeesNoNeighboursInStridesAndOtherAxes) {
  ProgramBuilder builder;
  const Term x = builder.term(builder.input("x", {DType::kF32, {4, 6}}));
  const Term left = slice(x, 1, 0, 3), right = slice(x, 1, 3, 3);
  builder.output("across", concat({left, right}, 0).id());
  builder.output("along", concat({left, right}, 1).id());
  builder.output("backwards", concat({slice(x, 0, 1, 2, -1), slice(x, 0, 2, 2)}, 0).id());
  const Program program = *builder.finish();
  JoinCounts counts;
  const Result<Program> made = join_slices(program, &counts);
  ASSERT_TRUE(made.ok()) << made.error().text();
  EXPECT_EQ(counts.pieces, 0u);
  EXPECT_EQ(distance(*made, program), 0);
}

}  // namespace
}  // namespace flame
