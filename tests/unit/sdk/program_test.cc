#include "flame/program.hpp"

#include <gmock/gmock.h>

#include "recording_builder.h"

namespace {

using flame_test::RecordingBuilder;
using testing::ElementsAre;
using testing::EndsWith;

class Programs : public testing::Test {
 protected:
  std::string text(flame::Value value) { return builder.text_of(value.id()); }

  RecordingBuilder builder;
  flame::Program program{builder.get()};
  flame::Value x = program.input("x", FLAME_DTYPE_F32, {4, 8});
  flame::Value y = program.input("y", FLAME_DTYPE_F32, {8});
};

TEST_F(Programs, ReadLikeMathematics) {
  EXPECT_EQ(text(silu(x * y + y)), "silu(add(mul(x, y), y))");
  EXPECT_EQ(text(-(x - y) / x), "div(neg(sub(x, y)), x)");
  EXPECT_EQ(text(max(x, y)), "max(x, y)");
}

TEST_F(Programs, TakeNumbersAsConstantsOfTheOtherSidesType) {
  EXPECT_EQ(text(2 * x), "mul(fill(shape=[], value=2, dtype=f32), x)");
  EXPECT_EQ(text(1 - x), "sub(fill(shape=[], value=1, dtype=f32), x)");
  const flame::Value half = program.input("h", FLAME_DTYPE_F16, {2});
  EXPECT_EQ(text(half / 0.5), "div(h, fill(shape=[], value=0.5, dtype=f16))");
}

TEST_F(Programs, TakeAnyOpByName) {
  EXPECT_EQ(text(flame::op("softmax", {x}, {{"axis", -1}})), "softmax(x, axis=-1)");
  EXPECT_EQ(text(flame::op("reduce", {x}, {{"kind", "sum"}})), "reduce(x, kind=sum)");
  EXPECT_EQ(text(matmul(x, x, {false, true})), "matmul(x, x, transpose_a=false, transpose_b=true)");
  const std::vector<flame::Value> parts = program.ops("split", {x}, 2, {{"sizes", {3, 5}}});
  ASSERT_EQ(parts.size(), 2u);
  EXPECT_EQ(text(parts[1]), "split(x, sizes=[3 5])#1");
}

TEST_F(Programs, GiveTheFirstOutputOfOpsThatHaveMore) {
  EXPECT_EQ(text(layer_norm(x, y, y)), "layer_norm(x, y, y, eps=1e-05)#0");
  const flame::Value q = program.input("q", FLAME_DTYPE_F32, {1, 2, 1, 4});
  EXPECT_EQ(text(attention(q, q, q)), "attention(q, q, q, scale=0.5, causal=false)#0");
  EXPECT_EQ(text(attention(x, x, x, {2, true})), "attention(x, x, x, scale=2, causal=true)#0");
  EXPECT_EQ(text(conv2d(x, y, y, 2, 1)), "conv2d(x, y, y, stride=[2 2], padding=[1 1 1 1])");
}

TEST_F(Programs, KnowTypeAndShapeOfAValue) {
  EXPECT_THAT(x.shape(), ElementsAre(4, 8));
  EXPECT_EQ(x.dtype(), FLAME_DTYPE_F32);
  EXPECT_EQ(y.rank(), 1u);
}

TEST_F(Programs, RememberTheLineOfEachOp) {
  const int line = __LINE__ + 1;
  silu(x) + y;
  flame::op("softmax", {x});
  program.op("relu", {x});
  const std::string file = __FILE__;
  EXPECT_THAT(
      builder.places,
      ElementsAre(file + ":" + std::to_string(line), file + ":" + std::to_string(line),
                  file + ":" + std::to_string(line + 1), file + ":" + std::to_string(line + 2)));
}

TEST_F(Programs, PrefixParametersWithTheirScopes) {
  {
    const auto outer = program.scope("blocks");
    const auto inner = program.scope("0");
    program.trainable("weight", FLAME_DTYPE_F32, {2});
  }
  program.parameter("bias", FLAME_DTYPE_F32, {2});
  EXPECT_THAT(builder.parameters, ElementsAre("blocks.0.weight trained", "bias frozen"));
}

TEST_F(Programs, CloseTheirScopesWhenSomethingIsThrown) {
  builder.fails_with = "no";
  EXPECT_THROW(
      {
        const auto scope = program.scope("blocks");
        relu(x);
      },
      flame::Error);
  EXPECT_TRUE(builder.scopes.empty());
}

TEST_F(Programs, ThrowWhatTheBuilderSays) {
  builder.fails_with = "op 'relu': operand 0 is i64";
  try {
    relu(x);
    FAIL() << "nothing was thrown";
  } catch (const flame::Error &error) {
    EXPECT_EQ(error.status(), FLAME_ERROR_INVALID_ARGUMENT);
    EXPECT_STREQ(error.what(), "op 'relu': operand 0 is i64");
  }
}

TEST_F(Programs, RefuseAValueThatWasNeverMadeWithItsPlace) {
  const flame::Value nothing;
  try {
    x + nothing + y;
    FAIL() << "nothing was thrown";
  } catch (const flame::Error &error) {
    EXPECT_THAT(error.what(), EndsWith("an input of 'add' is a value that was never made"));
    EXPECT_THAT(error.what(), testing::HasSubstr("program_test.cc:"));
  }
}

TEST_F(Programs, RefuseAValueOfAnotherProgram) {
  RecordingBuilder other;
  const flame::Value stranger = flame::Program(other.get()).input("x", FLAME_DTYPE_F32, {4, 8});
  EXPECT_THROW(x + stranger, flame::Error);
}

TEST_F(Programs, GiveTheirOutputsAName) {
  program.output("y", relu(x));
  EXPECT_EQ(builder.outputs.at("y"), "relu(x)");
}

}  // namespace
