// Patterns of ops that become one op: biases, activations, adapters, residuals, sums of gradients.
#include "core/passes/fuse.h"
#include "tests/unit/passes/pass_samples.h"

namespace flame {
namespace {

using namespace pass_test;

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

}  // namespace
}  // namespace flame
