// Recomputing: what fits, at which cost, and that the answers keep their bits.
#include "core/passes/recompute.h"

#include <limits>

#include "core/passes/cost.h"
#include "core/passes/doubling.h"
#include "core/passes/fuse.h"
#include "tests/unit/passes/pass_samples.h"

namespace flame {
namespace {

using namespace pass_test;
using testing::AllOf;
using testing::HasSubstr;

// Several transformer blocks, with the gradients of all their weights.
Program deep_program(int blocks) {
  ProgramBuilder builder;
  Term x = builder.term(builder.input("x", {DType::kF32, {1, 24, 8}}));
  for (int i = 0; i < blocks; ++i) {
    builder.push_scope("block" + std::to_string(i));
    x = transformer_block(builder, x, 2, true);
    builder.pop_scope();
  }
  return with_gradients(with_loss(builder, x));
}

uint64_t total(const PlacedProgram &placed) {
  uint64_t sum = 0;
  for (const uint64_t bytes : placed.bytes_by_class()) sum += bytes;
  return sum;
}

TEST(Cost, CountsProductsExactly) {
  ProgramBuilder builder;
  const Term x = builder.term(builder.input("x", {DType::kF32, {2, 3, 4}}));
  const Term w = builder.term(builder.input("w", {DType::kF32, {5, 4}}));
  const Term k = builder.term(builder.input("k", {DType::kF32, {6, 3, 3, 4}}));
  const Term image = builder.term(builder.input("image", {DType::kF32, {1, 8, 8, 4}}));
  apply_one("linear", {x, w});
  matmul(x, w, {false, true});
  reshape(x, {6, 4});
  const Term conv = apply_one("conv2d", {image, k}, {{"padding", Axes{1, 1, 1, 1}}});
  apply_one("conv2d_input_grad", {conv, k}, {{"padding", Axes{1, 1, 1, 1}}, {"size", Axes{8, 8}}});
  apply_one("conv2d_weight_grad", {image, conv},
            {{"padding", Axes{1, 1, 1, 1}}, {"window", Axes{3, 3}}});
  apply_one("silu", {x});
  const Program program = *builder.finish();
  std::vector<double> costs;
  for (const Node &node : program.nodes()) costs.push_back(cost_of(program, node));
  const double conv_cost = 2.0 * 64 * 6 * 36;
  EXPECT_THAT(costs, testing::ElementsAre(2.0 * 2 * 3 * 5 * 4, 2.0 * 2 * 3 * 5 * 4, 0, conv_cost,
                                          conv_cost, conv_cost, 24 + 24 + 16 * 24));
}

TEST(Cost, OfWorkKnowsBytesAndStarts) {
  ProgramBuilder builder;
  const Term x = builder.term(builder.input("x", {DType::kBF16, {1000, 1000}}));
  const Term w = builder.term(builder.input("w", {DType::kBF16, {4000, 1000}}));
  const Term one = builder.term(builder.input("one", {DType::kF32, {1}}));
  apply_one("linear", {x, w});
  apply_one("silu", {x});
  apply_one("silu", {one});
  reshape(x, {1000000});
  const Program program = *builder.finish();
  std::vector<double> work;
  for (const Node &node : program.nodes()) work.push_back(work_of(program, node));
  const double start = 1.4e9;
  EXPECT_THAT(work, testing::ElementsAre(8e9 + start, 4e6 * 170 + start, 8 * 170 + start, 0));
}

TEST(Doubling, KnowsWhatTheBuiltProgramTakes) {
  ListTarget target = ListTarget::all_but({});
  const Program program = fuse(deep_program(4), target)->program;
  const Doubling doubling(program);
  const double before = doubling.peak_bytes({});
  double least = before;
  size_t different = 0;
  for (const Doubling::Limits &limits : doubling.limits()) {
    const Doubling::Choice choice = doubling.choose(limits);
    const Result<Program> built = doubling.build(choice);
    ASSERT_TRUE(built.ok()) << built.error().text();
    EXPECT_EQ(doubling.peak_bytes(choice), Doubling(*built).peak_bytes({}));
    least = std::min(least, doubling.peak_bytes(choice));
    different += choice.count > 0;
  }
  EXPECT_GT(different, 10u);
  EXPECT_LT(least, 0.6 * before);
}

TEST(Doubling, LeavesNodesFromAnEndOnAlone) {
  ListTarget target = ListTarget::all_but({});
  const Program program = fuse(deep_program(4), target)->program;
  const Doubling doubling(program);
  constexpr double kAny = std::numeric_limits<double>::infinity();
  Doubling::Limits limits{kAny, kAny, doubling.limits().front().end};
  const Doubling::Choice all = doubling.choose(limits);
  limits.end /= 2;
  const Doubling::Choice half = doubling.choose(limits);
  EXPECT_EQ(half.nodes.size(), limits.end);
  EXPECT_LT(half.count, all.count);
  EXPECT_LT(half.work, all.work);
  limits.end = 0;
  EXPECT_EQ(doubling.choose(limits).count, 0u);
}

TEST(Recompute, LeavesAProgramThatFitsAlone) {
  ListTarget target = ListTarget::all_but({});
  const Program program = deep_program(2);
  const Result<Recomputed> made = recompute(program, target, {}, uint64_t{1} << 40);
  ASSERT_TRUE(made.ok()) << made.error().text();
  EXPECT_EQ(to_json(made->program), to_json(program));
  EXPECT_EQ(made->nodes, 0u);
}

TEST(Recompute, FitsIntoLessMemoryWithTheSameBits) {
  ListTarget target = ListTarget::all_but({});
  const Program program = fuse(deep_program(6), target)->program;
  const PlacedProgram placed = *place(program, target, {});
  const uint64_t outside = total(placed) - placed.arena_bytes;
  double last_cost = 0;
  for (const double part : {0.9, 0.7, 0.5, 0.35}) {
    const auto budget =
        outside + static_cast<uint64_t>(part * static_cast<double>(placed.arena_bytes));
    const Result<Recomputed> made = recompute(program, target, {}, budget);
    ASSERT_TRUE(made.ok()) << part << ": " << made.error().text();
    EXPECT_LE(total(made->placed), budget);
    EXPECT_GT(made->nodes, 0u);
    EXPECT_LE(made->extra_work, 0.5);
    EXPECT_GE(made->extra_work, last_cost);
    last_cost = made->extra_work;
    EXPECT_EQ(distance(made->program, program), 0) << part;
    std::printf("arena at %.0f %%: %zu nodes twice, %.1f %% more work\n", 100 * part, made->nodes,
                100 * made->extra_work);
  }
}

TEST(Recompute, RedrawsTheSameRandomNumbers) {
  ProgramBuilder builder;
  const Term seed = builder.term(builder.input("seed", {DType::kI64, {}}));
  Term x = builder.term(builder.parameter("x", {DType::kF32, {256, 64}}, true));
  for (int64_t i = 0; i < 8; ++i) {
    x = apply_one("dropout", {apply_one("tanh", {x}), seed, seed}, {{"rate", 0.3}, {"stream", i}});
  }
  ListTarget target = ListTarget::all_but({});
  const Program program = fuse(with_gradients(with_loss(builder, x)), target)->program;
  const PlacedProgram placed = *place(program, target, {});
  const Result<Recomputed> made =
      recompute(program, target, {}, total(placed) - placed.arena_bytes / 4);
  ASSERT_TRUE(made.ok()) << made.error().text();
  EXPECT_GT(made->nodes, 0u);
  EXPECT_EQ(distance(made->program, program), 0);
}

TEST(Recompute, SaysByHowMuchItMisses) {
  ListTarget target = ListTarget::all_but({});
  const Result<Recomputed> made = recompute(deep_program(2), target, {}, 1000);
  ASSERT_FALSE(made.ok());
  EXPECT_EQ(made.error().kind, ErrorKind::kOutOfMemory);
  EXPECT_THAT(made.error().text(), AllOf(HasSubstr("more than the 1000 allowed"),
                                         HasSubstr("activations"), HasSubstr("smaller batch")));
}

}  // namespace
}  // namespace flame
