// Programs: building, the validator, printing, and taking optional ops apart.
#include <gmock/gmock.h>

#include "core/base/json.h"
#include "core/ops/catalogue/terms.h"
#include "core/program/print.h"
#include "core/program/program_builder.h"
#include "core/program/rewrite.h"

namespace flame {
namespace {

using testing::HasSubstr;

Program small_program() {
  ProgramBuilder builder;
  const Term x = builder.term(builder.input("x", {DType::kF32, {2, 3}}));
  builder.push_scope("block");
  builder.set_source("model.cc", 7);
  const Term w = builder.term(builder.parameter("w", {DType::kF32, {4, 3}}, true));
  const Term y = apply_one("linear", {x, w});
  builder.set_source("model.cc", 8);
  const Term z = apply_one("softmax", {y});
  builder.pop_scope();
  builder.output("z", z.id());
  return *builder.finish();
}

TEST(Program, PrintsAsText) {
  EXPECT_EQ(to_text(small_program()),
            "%1 = input \"x\" : f32[2, 3]\n"
            "%2 = trainable parameter \"block.w\" : f32[4, 3]\n"
            "%3 = linear(%1, %2) : f32[2, 4]  # model.cc:7, in block\n"
            "%4 = softmax(%3) {axis: 1} : f32[2, 4]  # model.cc:8, in block\n"
            "output \"z\" = %4\n");
}

TEST(Program, PrintsAsJsonThatReadsBack) {
  const Result<Json> json = parse_json(to_json(small_program()), "program");
  ASSERT_TRUE(json.ok()) << json.error().text();
  const Json &node = (*json->find("nodes")->as_array())[1];
  EXPECT_EQ(*node.find("op")->as_string(), "softmax");
  EXPECT_EQ(*node.find("attributes")->find("axis")->as_int(), 1);
  EXPECT_EQ(*node.find("line")->as_int(), 8);
}

TEST(Program, PrintsAsAGraph) {
  ProgramBuilder builder;
  builder.output(
      "y", apply_one("neg", {builder.term(builder.input("a\"b\\", {DType::kF32, {2}}))}).id());
  const std::string dot = to_dot(*builder.finish());
  EXPECT_THAT(dot, HasSubstr("v1 [shape=oval, label=\"a\\\"b\\\\ f32[2]\"]"));
  EXPECT_THAT(dot, HasSubstr("n0 [label=\"map {code: \\\"neg x0\\\""));
  EXPECT_THAT(dot, HasSubstr("v1 -> n0"));
}

TEST(Program, IsRightAsBuilt) {
  EXPECT_TRUE(validate(small_program()).ok());
}

TEST(ProgramBuilder, GivesTheSameValueForTheSameParameter) {
  ProgramBuilder builder;
  const TensorType type{DType::kF32, {2}};
  const ValueId first = builder.parameter("w", type, false);
  EXPECT_EQ(builder.parameter("w", type, false), first);
  EXPECT_EQ(builder.parameter("w", type, true), 0u);
  EXPECT_THAT(builder.status().error().what,
              HasSubstr("asked for as f32[2], trainable, but before it was f32[2], frozen"));
}

TEST(ProgramBuilder, RefusesAScopeThatStaysOpen) {
  ProgramBuilder builder;
  builder.push_scope("a");
  EXPECT_THAT(builder.finish().error().what, HasSubstr("'a.' is still open"));
}

TEST(Rewrite, LeavesRequiredOpsAndViewsAlone) {
  const Result<Program> plain = expand_all(small_program());
  ASSERT_TRUE(plain.ok()) << plain.error().text();
  EXPECT_TRUE(validate(*plain).ok());
  for (const Node &node : plain->nodes()) {
    EXPECT_NE(node.op->group, OpGroup::kOptional);
    EXPECT_THAT(node.place->text(), HasSubstr("in block"));
  }
  EXPECT_EQ(plain->type(plain->find_output("z")->value), (TensorType{DType::kF32, {2, 4}}));
}

TEST(Rewrite, TakesApartOnlyWhatIsChosen) {
  const auto program =
      expand(small_program(), [](const OpCall &call) { return call.op->name == "linear"; });
  EXPECT_THAT(to_text(*program), HasSubstr("matmul("));
  EXPECT_THAT(to_text(*program), HasSubstr("softmax("));
}

}  // namespace
}  // namespace flame
