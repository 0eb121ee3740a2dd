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

TEST(Patterns, GiveLinearsTheirBiasAndNormsTheirActivation) {
  const Program transformer = transformer_program();
  const Program residual = residual_program();
  PatternCounts counts;
  const Program one = *merge_patterns(transformer, &counts);
  const Program two = *merge_patterns(residual, &counts);
  EXPECT_EQ(counts.biases, 1u);
  EXPECT_EQ(counts.activations, 2u);
  EXPECT_LE(distance(one, transformer), 1e-12);
  EXPECT_LE(distance(two, residual), 1e-12);
}

TEST(Patterns, PutSumsOfGradientsIntoTheProducts) {
  ListTarget target = ListTarget::required_alone();
  const Program program = with_gradients(transformer_program());
  const Fused fused = *fuse(program, target);
  EXPECT_GE(fused.patterns.addends, 2u);
  EXPECT_LE(distance(fused.program, program), 1e-12);
  ListTarget without = ListTarget::all_but({"addend"});
  EXPECT_EQ(fuse(program, without)->patterns.addends, 0u);
}

TEST(Patterns, PutWhatAnAdapterAddsIntoItsProduct) {
  ProgramBuilder builder;
  const Term x = builder.term(builder.input("x", {DType::kF32, {2, 5, 8}}));
  const auto weight = [&](const char *name, const Shape &shape) {
    return builder.term(builder.parameter(name, {DType::kF32, shape}, true));
  };
  const Term base = apply_one("linear", {x, weight("base", {6, 8}), weight("bias", {6})});
  const Term down = apply_one("linear", {x, weight("down", {3, 8})});
  builder.output("y", (base + apply_one("linear", {down, weight("up", {6, 3})})).id());
  const Program program = *builder.finish();
  ListTarget target = ListTarget::all_but({});
  const Fused fused = *fuse(program, target);
  EXPECT_EQ(fused.patterns.addends, 1u);
  EXPECT_EQ(count_ops(fused.program, "linear"), 2u);
  EXPECT_EQ(count_ops(fused.program, "matmul"), 1u);
  EXPECT_EQ(count_ops(fused.program, "map"), 0u);
  EXPECT_LE(distance(fused.program, program), 1e-6);
  ListTarget without = ListTarget::all_but({"addend"});
  EXPECT_EQ(count_ops(fuse(program, without)->program, "linear"), 3u);
}

// x and layers of it, as terms of a program in f32.
class Layers {
 public:
  Term input(const char *name, const Shape &shape = {2, 5, 8}) {
    return builder_.term(builder_.input(name, {DType::kF32, shape}));
  }
  Term weight(const std::string &name, const Shape &shape) {
    return builder_.term(builder_.parameter(name, {DType::kF32, shape}, true));
  }
  Term layer(const std::string &name, const Term &x) {
    return apply_one("linear", {x, weight(name, {8, 8}), weight(name + ".bias", {8})});
  }
  Term adapter(const std::string &name, const Term &x) {
    const Term down = apply_one("linear", {x, weight(name + ".down", {3, 8})});
    return apply_one("linear", {down, weight(name + ".up", {8, 3})});
  }
  Program finish(const Term &y) {
    builder_.output("y", y.id());
    return *builder_.finish();
  }

 private:
  ProgramBuilder builder_;
};

void expect_addends(const Program &program, size_t addends, size_t maps) {
  ListTarget target = ListTarget::all_but({});
  const Fused fused = *fuse(program, target);
  EXPECT_EQ(fused.patterns.addends, addends);
  EXPECT_EQ(count_ops(fused.program, "map"), maps) << to_text(fused.program);
  EXPECT_LE(distance(fused.program, program), 1e-6);
  ListTarget without = ListTarget::all_but({"addend"});
  const Fused apart = *fuse(program, without);
  EXPECT_EQ(apart.patterns.addends, 0u);
  EXPECT_LE(distance(apart.program, program), 1e-6);
}

TEST(Patterns, PutAResidualIntoTheLinearWithBias) {
  Layers of;
  const Term x = of.input("x");
  expect_addends(of.finish(x + of.layer("a", x)), 1, 0);
}

TEST(Patterns, PutAResidualIntoALinearBehindAView) {
  Layers of;
  const Term x = of.input("x");
  const Term image = of.input("image", {2, 5, 2, 4});
  expect_addends(of.finish(reshape(of.layer("a", x), image.shape()) + image), 1, 0);
}

TEST(Patterns, PutAResidualIntoTheLayerThatAnAdapterAddsTo) {
  Layers of;
  const Term x = of.input("x");
  expect_addends(of.finish(x + (of.layer("a", x) + of.adapter("a", x))), 2, 0);
}

// The gradient of x + layer(norm(x)), where x is a layer of the input.
Program gradient_around(const char *norm, std::vector<const char *> weights, bool learns) {
  ProgramBuilder builder;
  const auto weight = [&](const std::string &name, const Shape &shape, bool trainable) {
    return builder.term(builder.parameter(name, {DType::kF32, shape}, trainable));
  };
  const Term input = builder.term(builder.input("x", {DType::kF32, {2, 5, 8}}));
  const Term x = apply_one("linear", {input, weight("first", {8, 8}, true)});
  std::vector<Term> operands{x};
  for (const char *name : weights) operands.push_back(weight(name, {8}, learns));
  Attributes attributes;
  if (norm == std::string_view("group_norm")) attributes.set("groups", int64_t{2});
  const Term normal = apply(norm, operands, attributes)[0];
  const Program program =
      with_loss(builder, x + apply_one("linear", {normal, weight("second", {8, 8}, false)}));
  return with_gradients(program);
}

size_t count_inputs(const Program &program, std::string_view op) {
  for (const Node &node : program.nodes())
    if (node.op->name == op) return node.inputs.size();
  return 0;
}

TEST(Patterns, PutASumOfGradientsIntoTheGradientOfANorm) {
  struct Norm {
    const char *name;
    std::vector<const char *> weights;
  };
  for (const auto &[name, weights] : {Norm{"layer_norm", {"weight", "bias"}},
                                      {"rms_norm", {"weight"}},
                                      {"group_norm", {"weight", "bias"}}}) {
    const std::string gradient = std::string(name) + "_grad";
    const size_t most = find_op(gradient)->inputs.size();
    const Program program = gradient_around(name, weights, false);
    ListTarget target = ListTarget::all_but({});
    const Fused fused = *fuse(program, target);
    EXPECT_EQ(count_inputs(fused.program, gradient), most) << to_text(fused.program);
    EXPECT_LE(distance(fused.program, program), 1e-6);
    ListTarget without = ListTarget::all_but({"addend"});
    EXPECT_LT(count_inputs(fuse(program, without)->program, gradient), most);
  }
}

// What their weights learn may be asked for before the sum is.
TEST(Patterns, LeaveTheGradientOfANormThatLearns) {
  const Program program = gradient_around("layer_norm", {"weight", "bias"}, true);
  ListTarget target = ListTarget::all_but({});
  const Fused fused = *fuse(program, target);
  EXPECT_EQ(count_inputs(fused.program, "layer_norm_grad"), 5u);
  EXPECT_LE(distance(fused.program, program), 1e-6);
}

TEST(Patterns, LookThroughSumsThatHaveBecomeProducts) {
  Layers of;
  const Term x = of.input("x");
  const Term image = of.input("image", {2, 5, 2, 4});
  const Term sum = of.layer("a", x) + of.adapter("b", x) + of.adapter("c", x);
  expect_addends(of.finish(reshape(sum, image.shape()) + image), 3, 0);
}

TEST(Patterns, LetNoLayerWaitForWhatIsMadeAfterIt) {
  Layers of;
  const Term x = of.input("x");
  const Term adapted = of.layer("a", x) + of.adapter("a", x);
  expect_addends(of.finish(adapted + apply_one("silu", {x})), 1, 1);
}

TEST(Patterns, LeaveALayerWhoseAnswerIsUsedElsewhere) {
  Layers of;
  const Term x = of.input("x");
  const Term a = of.layer("a", x);
  expect_addends(of.finish((x + a) * a), 0, 1);
  Layers again;
  const Term z = again.input("x");
  const Term b = again.layer("a", z);
  expect_addends(again.finish((z + (b + again.adapter("a", z))) * b), 1, 1);
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
