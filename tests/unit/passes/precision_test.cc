// Precision: what becomes narrow, what stays f32, and how far the answers move.
#include "core/passes/precision.h"

#include "core/passes/fuse.h"
#include "tests/unit/passes/pass_samples.h"

namespace flame {
namespace {

using namespace pass_test;
using testing::HasSubstr;

const TensorType kMatrix{DType::kF32, {4, 4}};

DType type_of_output(const Program &program, std::string_view name) {
  return program.type(program.find_output(name)->value).dtype;
}

// The element type of the first output of the last node of that op.
DType stored_by(const Program &program, std::string_view op) {
  DType found = DType::kBool;
  for (const Node &node : program.nodes()) {
    if (node.op->name == op) found = program.type(node.outputs[0]).dtype;
  }
  return found;
}

TEST(Precision, HasARuleWithAReasonForEveryOp) {
  for (const OpDefinition &op : catalogue()) EXPECT_FALSE(op.precision.reason.empty()) << op.name;
}

TEST(Precision, LeavesAnF32ProgramAlone) {
  const Program program = transformer_program(DType::kF32);
  EXPECT_EQ(to_json(*apply_precision(program, {DType::kF32})), to_json(program));
  EXPECT_FALSE(apply_precision(program, {DType::kI32}).ok());
}

TEST(Precision, StoresFrozenParametersNarrowAndKeepsMasters) {
  ProgramBuilder builder;
  const Term x = builder.term(builder.input("x", kMatrix));
  const Term frozen = builder.term(builder.parameter("frozen", kMatrix, false));
  const Term trained = builder.term(builder.parameter("trained", kMatrix, true));
  builder.output("y", apply_one("linear", {apply_one("linear", {x, frozen}), trained}).id());
  PrecisionCounts counts;
  const Program narrow = *apply_precision(*builder.finish(), {DType::kBF16}, &counts);
  EXPECT_EQ(narrow.type(narrow.find_parameter("frozen")->value).dtype, DType::kBF16);
  EXPECT_EQ(narrow.type(narrow.find_parameter("trained")->value).dtype, DType::kF32);
  EXPECT_EQ(type_of_output(narrow, "y"), DType::kF32);
  EXPECT_EQ(counts.narrow_parameters, 1u);
  EXPECT_EQ(counts.casts, 3u) << to_text(narrow);  // x, trained and y
}

TEST(Precision, KeepsWhatIsStoredInF8AndItsScales) {
  ProgramBuilder builder;
  const Term x = builder.term(builder.input("x", kMatrix));
  const Term weight = builder.term(builder.parameter("weight", {DType::kF8E4M3, {4, 4}}, false));
  const Term scale = builder.term(builder.parameter("scale", {DType::kF32, {}}, false));
  const Term bias = builder.term(builder.parameter("bias", {DType::kF32, {4}}, false));
  const Term y = apply_one("linear_scaled", {apply_one("silu", {x}), weight, scale, scale, bias});
  builder.output("y", y.id());
  const Program narrow = *apply_precision(*builder.finish(), {DType::kBF16});
  const auto stored = [&](const char *name) {
    return narrow.type(narrow.find_parameter(name)->value).dtype;
  };
  EXPECT_EQ(stored("weight"), DType::kF8E4M3);
  EXPECT_EQ(stored("scale"), DType::kF32);
  EXPECT_EQ(stored("bias"), DType::kBF16);
  EXPECT_EQ(stored_by(narrow, "linear_scaled"), DType::kBF16);
  EXPECT_EQ(type_of_output(narrow, "y"), DType::kF32);
}

TEST(Precision, NoisesAndTakesLossesInF32) {
  ProgramBuilder builder;
  const Term latent = builder.term(builder.input("latent", kMatrix));
  const Term seed = builder.term(builder.input("seed", {DType::kI64, {}}));
  const Term noise = apply_one("random", {seed, seed}, {{"kind", "normal"}, {"shape", Axes{4, 4}}});
  const Term noisy = latent * 0.7 + noise * 0.3;
  const Term w = builder.term(builder.parameter("w", kMatrix, false));
  const Term predicted = apply_one("linear", {noisy, w});
  const Term wrong = predicted - noise;
  builder.output("loss", mean(map("square x0", {wrong}), {0, 1}).id());
  const Program narrow = *apply_precision(*builder.finish(), {DType::kBF16});
  EXPECT_EQ(stored_by(narrow, "random"), DType::kF32);
  EXPECT_EQ(stored_by(narrow, "linear"), DType::kBF16);
  for (const Node &node : narrow.nodes()) {
    if (node.op->name != "map") continue;
    EXPECT_EQ(narrow.type(node.outputs[0]).dtype, DType::kF32);
  }
  EXPECT_EQ(stored_by(narrow, "reduce"), DType::kF32);
}

TEST(Precision, StoresValuesBetweenProductsNarrow) {
  ProgramBuilder builder;
  const Term x = builder.term(builder.input("x", kMatrix));
  const Term w = builder.term(builder.parameter("w", kMatrix, false));
  const Term y = apply_one("silu", {apply_one("linear", {x, w})});
  const Term normal = apply("layer_norm", {y})[0];
  const Term joined = concat({normal, x}, 0);
  builder.output("y", apply_one("linear", {joined, w}).id());
  const Program narrow = *apply_precision(*builder.finish(), {DType::kF16});
  for (const char *op : {"map", "layer_norm", "concat"})
    EXPECT_EQ(stored_by(narrow, op), DType::kF16) << to_text(narrow);
}

TEST(Precision, GivesGradientsOfMastersStraightFromTheProduct) {
  ProgramBuilder builder;
  const Term x = builder.term(builder.input("x", kMatrix));
  const Term w = builder.term(builder.parameter("w", kMatrix, true));
  const Program program = with_loss(builder, apply_one("linear", {x, w}));
  const Program narrow = *clean_up(*apply_precision(with_gradients(program), {DType::kBF16}));
  const Node &producer =
      narrow.nodes()[narrow.value(narrow.find_output("gradient.w")->value).producer];
  EXPECT_EQ(producer.op->name, "matmul") << to_text(narrow);
  EXPECT_EQ(narrow.type(producer.inputs[0]).dtype, DType::kBF16);
}

TEST(Precision, KeepsSoftmaxAndOtherTypesAsTheyAre) {
  ProgramBuilder builder;
  const Term x = builder.term(builder.input("x", {DType::kF64, {4, 4}}));
  const Term i = builder.term(builder.input("i", {DType::kI64, {4}}));
  const Term w = builder.term(builder.parameter("w", {DType::kF32, {9, 4}}, false));
  const Term rows = apply_one("embedding", {i, w});
  const Term shares = apply_one("softmax", {apply_one("linear", {rows, w})});
  builder.output("wide", matmul(x, x).id());
  builder.output("shares", shares.id());
  const Program narrow = *apply_precision(*builder.finish(), {DType::kBF16});
  EXPECT_EQ(stored_by(narrow, "matmul"), DType::kF64);
  EXPECT_EQ(stored_by(narrow, "embedding"), DType::kBF16);
  EXPECT_EQ(stored_by(narrow, "softmax"), DType::kF32);
}

TEST(Precision, MovesWholeBlocksNoFurtherThanTheTypesRound) {
  for (const Program &program : {with_gradients(transformer_program(DType::kF32)),
                                 with_gradients(residual_program(DType::kF32))}) {
    for (const auto &[dtype, most] :
         {std::pair{DType::kBF16, 0.05}, std::pair{DType::kF16, 0.006}}) {
      const Result<Program> narrow = apply_precision(program, {dtype});
      ASSERT_TRUE(narrow.ok()) << narrow.error().text();
      const double error = distance(*narrow, program);
      EXPECT_LE(error, most) << name_of(dtype);
      EXPECT_GT(error, 0);
      // Fusing leaves roundings out.
      ListTarget target = ListTarget::all_but({});
      EXPECT_LE(distance(fuse(*narrow, target)->program, program), 1.1 * error);
    }
  }
}

}  // namespace
}  // namespace flame
