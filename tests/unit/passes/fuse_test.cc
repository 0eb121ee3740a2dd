// Fusing: what becomes one op, what is taken apart, and that the answers stay.
#include "core/passes/fuse.h"

#include <ctime>
#include <functional>

#include "tests/unit/passes/pass_samples.h"

namespace flame {
namespace {

using namespace pass_test;
using testing::HasSubstr;

const TensorType kMatrix{DType::kF32, {3, 4}};

// A program of one input "x" and the output "y".
Program small(const std::function<Term(Term)> &write, TensorType type = kMatrix) {
  ProgramBuilder builder;
  const Term x = builder.term(builder.input("x", type));
  builder.output("y", write(x).id());
  Result<Program> program = builder.finish();
  EXPECT_TRUE(program.ok()) << program.error().text();
  return *program;
}

TEST(CleanUp, DropsWhatDoesNothing) {
  const Program program = small([](Term x) {
    const Term dead = x * 3.0;
    (void)dead;
    const Term a = apply_one("cast", {x}, {{"dtype", "f32"}});
    const Term b = apply_one("reshape", {apply_one("reshape", {a}, {{"shape", Axes{12}}})},
                             {{"shape", Axes{3, 4}}});
    const Term c = apply_one("permute", {b}, {{"axes", Axes{0, 1}}});
    const Term d = apply_one("slice", {c},
                             {{"axis", int64_t{0}}, {"start", int64_t{0}}, {"count", int64_t{3}}});
    const Term wide = cast(cast(d, DType::kF64), DType::kF32);
    return apply_one("sin", {x}) + apply_one("sin", {wide});
  });
  CleanUpCounts counts;
  const Result<Program> clean = clean_up(program, {}, &counts);
  ASSERT_TRUE(clean.ok());
  EXPECT_EQ(clean->nodes().size(), 2u) << to_text(*clean);
  EXPECT_EQ(counts.equal, 1u);
  EXPECT_EQ(distance(*clean, program), 0);
}

TEST(CleanUp, KeepsNarrowingCastsAndStopsOfGradients) {
  const Program program = small([](Term x) {
    return apply_one("stop_gradient", {cast(cast(x, DType::kBF16), DType::kF32)});
  });
  EXPECT_EQ(clean_up(program)->nodes().size(), 3u);
  EXPECT_EQ(clean_up(program, {.drop_stop_gradient = true})->nodes().size(), 2u);
}

TEST(CleanUp, KeepsDrawsOfDifferentStreamsApart) {
  ProgramBuilder builder;
  const Term seed = builder.term(builder.input("seed", {DType::kI64, {}}));
  const auto draw = [&](int64_t stream) {
    return apply_one("random", {seed, seed},
                     {{"kind", "normal"}, {"shape", Axes{4}}, {"stream", stream}});
  };
  builder.output("y", (draw(0) + draw(1) + draw(0)).id());
  EXPECT_EQ(count_ops(*clean_up(*builder.finish()), "random"), 2u);
}

TEST(MergeMaps, MakesOneMapOfAChain) {
  const Program program = small([](Term x) {
    const Term row = fill(x.builder(), {1, 4}, 0.3, DType::kF32);
    return apply_one("tanh", {(x * 2.0 + row) * x}) + apply_one("exp", {-x});
  });
  MergeCounts counts;
  const Result<Program> merged = merge_maps(program, {}, &counts);
  ASSERT_TRUE(merged.ok()) << merged.error().text();
  EXPECT_EQ(merged->nodes().size(), 1u) << to_text(*merged);
  EXPECT_EQ(counts.constants, 1u);
  EXPECT_LE(distance(*merged, program), 1e-7);
}

TEST(MergeMaps, KeepsAnExpensiveValueThatManyUse) {
  const Program program = small([](Term x) {
    const Term y = apply_one("exp", {x});
    return matmul(y + 1.0, y * 2.0, {true, false});
  });
  const Program merged = *merge_maps(program);
  EXPECT_EQ(count_ops(merged, "map"), 3u) << to_text(merged);
  const Program cheap = small([](Term x) {
    const Term y = -x;
    return matmul(y + 1.0, y * 2.0, {true, false});
  });
  EXPECT_EQ(count_ops(*merge_maps(cheap), "map"), 2u);
  EXPECT_EQ(distance(*merge_maps(cheap), cheap), 0);
}

TEST(MergeMaps, DoesNotComputeARootForEachElementOfALargerTensor) {
  const Program program = small([](Term x) {
    return x * apply_one("rsqrt", {apply_one("exp", {reduce("sum", x, {1}, true)})});
  });
  EXPECT_EQ(count_ops(*merge_maps(program), "map"), 2u) << to_text(*merge_maps(program));
}

TEST(MergeMaps, PassesAReshapeWhereInputsCanFollow) {
  const Program program = small([](Term x) {
    const Term bias = fill(x.builder(), {4}, 0.3, DType::kF32);
    const Term y = apply_one("tanh", {x}) + apply_one("sin", {bias});
    return reshape(y, {3, 1, 4}) * 2.0;
  });
  const Program merged = *merge_maps(program);
  EXPECT_EQ(count_ops(merged, "map"), 2u) << to_text(merged);
  EXPECT_LE(distance(merged, program), 1e-7);
}

TEST(MergeMaps, KeepsRoundingsThatAreAskedForAndTypesThatWrap) {
  const auto maps_of = [](const std::function<Term(Term)> &write) {
    const Program program = small(write);
    const Program merged = *merge_maps(program);
    EXPECT_LE(distance(merged, program), 1e-7) << to_text(merged);
    return merged.nodes().size();
  };
  EXPECT_EQ(maps_of([](Term x) { return cast(x, DType::kBF16) * 3.0; }), 2u);
  EXPECT_EQ(maps_of([](Term x) { return map("add x0 1.0", {x}, DType::kI32) + 1.0; }), 2u);
  EXPECT_EQ(maps_of([](Term x) { return map("mul x0 3.0", {x}, DType::kF8E4M3) + 1.0; }), 2u);
  EXPECT_EQ(maps_of([](Term x) { return cast(cast(x, DType::kF64) * 3.0, DType::kF32) * 2.0; }),
            3u);
  EXPECT_EQ(maps_of([](Term x) { return map("lt x0 0.0", {x}) * 1.0; }), 1u);
}

TEST(MergeMaps, StoresANarrowResultInTheMapThatMakesIt) {
  const Program program =
      small([](Term x) { return cast(apply_one("exp", {cast(x, DType::kF32)}), DType::kBF16); },
            {DType::kBF16, {3, 4}});
  const Program merged = *merge_maps(program);
  EXPECT_EQ(merged.nodes().size(), 1u) << to_text(merged);
  EXPECT_EQ(distance(merged, program), 0);
}

TEST(MergeMaps, KeepsToItsLimits) {
  const Program program = small([](Term x) {
    for (int i = 0; i < 40; ++i) x = apply_one("sin", {x});
    return x;
  });
  const Program merged = *merge_maps(program, {.instructions = 16, .inputs = 4});
  EXPECT_EQ(merged.nodes().size(), 3u);
  EXPECT_LE(distance(merged, program), 1e-6);
}

TEST(Lower, TakesAnOpAndItsGradientTogetherOrNotAtAll) {
  const Program program = with_gradients(transformer_program());
  for (const char *refused : {"attention_grad", "attention"}) {
    ListTarget target = ListTarget::all_but({refused});
    const Lowered lowered = *lower(program, target);
    EXPECT_EQ(count_ops(lowered.program, "attention"), 0u);
    EXPECT_EQ(count_ops(lowered.program, "attention_grad"), 0u);
    EXPECT_EQ(count_ops(lowered.program, "layer_norm_grad"), 2u);
    ASSERT_EQ(lowered.taken_apart.size(), 2u);
    EXPECT_EQ(lowered.taken_apart[0].reason, "it is on the list");
    EXPECT_LE(distance(lowered.program, program), 1e-12);
  }
  ListTarget target = ListTarget::all_but({"geglu_grad"});
  EXPECT_EQ(count_ops(lower(program, target)->program, "geglu"), 0u);
}

TEST(Lower, LeavesRequiredOpsAndViewsForADeviceWithoutOthers) {
  ListTarget target = ListTarget::required_alone();
  const Program program = with_gradients(residual_program());
  const Lowered lowered = *lower(program, target);
  for (const Node &node : lowered.program.nodes()) EXPECT_NE(node.op->group, OpGroup::kOptional);
  EXPECT_LE(distance(lowered.program, program), 1e-12);
}

TEST(Lower, AsksOnceForEachKindOfOp) {
  ProgramBuilder builder;
  Term x = builder.term(builder.input("x", kMatrix));
  for (int i = 0; i < 20; ++i) x = apply_one("softmax", {x});
  builder.output("y", x.id());
  ListTarget target = ListTarget::all_but({});
  ASSERT_TRUE(lower(*builder.finish(), target).ok());
  EXPECT_EQ(target.questions, 1u);
}

void expect_fused(const char *name, const Program &program, ListTarget target, size_t most_nodes) {
  const Result<Fused> fused = fuse(program, target);
  ASSERT_TRUE(fused.ok()) << fused.error().text();
  EXPECT_LE(distance(fused->program, program), 1e-12) << name;
  const auto ops = [](const Program &p) {
    size_t count = 0;
    for (const Node &node : p.nodes()) count += node.op->group != OpGroup::kView;
    return count;
  };
  EXPECT_LE(ops(fused->program), most_nodes) << to_text(fused->program);
  std::printf("%s: %zu ops become %zu (%zu maps merged, %zu constants, %zu addends, %zu equal)\n",
              name, ops(program), ops(fused->program), fused->maps.merged, fused->maps.constants,
              fused->patterns.addends, fused->cleaned.equal);
}

TEST(Fuse, KeepsTheAnswersOfWholeBlocks) {
  const Program transformer = with_gradients(*simplify(transformer_program()));
  const Program residual = with_gradients(*simplify(residual_program()));
  expect_fused("transformer, all ops", transformer, ListTarget::all_but({}), 45);
  expect_fused("transformer, required ops", transformer, ListTarget::required_alone(), 75);
  expect_fused("residual block, all ops", residual, ListTarget::all_but({}), 30);
  expect_fused("residual block, required ops", residual, ListTarget::required_alone(), 50);
}

// The work is counted; the time is printed for whoever tunes it.
TEST(Fuse, TakesLinearWork) {
  ProgramBuilder builder;
  Term x = builder.term(builder.input("x", {DType::kF32, {2, 5, 8}}));
  for (int i = 0; i < 130; ++i) {
    builder.push_scope("block" + std::to_string(i));
    x = transformer_block(builder, x, 2, true);
    builder.pop_scope();
  }
  const Program program = with_gradients(with_loss(builder, x));
  ListTarget target = ListTarget::required_alone();
  const std::clock_t start = std::clock();
  const Result<Fused> fused = fuse(program, target);
  const double took = static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
  ASSERT_TRUE(fused.ok());
  std::printf("%zu nodes: %.3f s, %zu left\n", program.nodes().size(), took,
              fused->program.nodes().size());
  EXPECT_LE(target.questions, 40u);
}

}  // namespace
}  // namespace flame
