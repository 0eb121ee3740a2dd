// The code of map: reading, writing, classes, and what is refused.
#include "flame/map_code.hpp"

#include <gmock/gmock.h>

#include "core/ops/catalogue/map_rules.h"
#include "core/ops/catalogue/scalar_derivatives.h"

namespace flame {
namespace {

using testing::HasSubstr;

std::string rewritten(std::string_view text, uint32_t inputs) {
  MapCode code;
  std::string error;
  return read_map_code(text, inputs, code, error) ? write_map_code(code) : "error: " + error;
}

TEST(MapCode, WritesWhatItReads) {
  for (const char *text :
       {"mul x0 x1; silu t0; add t1 x2", "add x0 1", "add x0 1.0 -> x0 t0 t0", "-> x1",
        "where x0 inf -1e-05; neg t0 -> t0", "clamp x0 -0.5 3", "add x0 nan"}) {
    EXPECT_EQ(rewritten(text, 3), text);
  }
  EXPECT_EQ(rewritten("  mul   x0 2.50 ;silu t0 ->  t1", 1), "mul x0 2.5; silu t0");
}

TEST(MapCode, SaysWhatIsWrongAndWhere) {
  const auto error = [](std::string_view text) { return rewritten(text, 2); };
  EXPECT_THAT(error(""), HasSubstr("empty"));
  EXPECT_THAT(error("mul x0 x1; frobnicate t0"),
              HasSubstr("instruction 1 of the code: there is no scalar function 'frobnicate'"));
  EXPECT_THAT(error("mul x0 x2"), HasSubstr("found 'x2'"));
  EXPECT_THAT(error("mul x0 t0"), HasSubstr("found 't0'"));
  EXPECT_THAT(error("mul x0"), HasSubstr("found ''"));
  EXPECT_THAT(error("mul x0 x1 x1"), HasSubstr("expected ';', '->' or the end, found 'x1'"));
  EXPECT_THAT(error("neg x0;"), HasSubstr("after ';'"));
  EXPECT_THAT(error("neg x0 ->"), HasSubstr("no output"));
  EXPECT_THAT(error("neg x0 -> 1"), HasSubstr("as output, found '1'"));
  EXPECT_THAT(error("neg x99999999999999999999"), HasSubstr("found 'x999"));
  EXPECT_THAT(error("neg 1x"), HasSubstr("found '1x'"));
  EXPECT_THAT(error("-> "), HasSubstr("no output"));
}

TEST(MapCode, RefusesMoreInstructionsAndOutputsThanTheLimits) {
  std::string code = "neg x0";
  for (int i = 0; i < 5000; ++i) code += "; neg x0";
  EXPECT_THAT(rewritten(code, 1), HasSubstr("too many instructions"));
  code = "->";
  for (int i = 0; i < 65; ++i) code += " x0";
  EXPECT_THAT(rewritten(code, 1), HasSubstr("too many outputs"));
}

TEST(MapCode, JoinsTheClassesOfOperands) {
  using enum ScalarClass;
  const auto classes = [](std::string_view text, std::vector<ScalarClass> inputs) {
    MapCode code;
    std::string error;
    EXPECT_TRUE(read_map_code(text, static_cast<uint32_t>(inputs.size()), code, error)) << error;
    return result_classes(code, inputs);
  };
  EXPECT_EQ(classes("add x0 x1", {kBool, kBool}), (std::vector{kInteger}));
  EXPECT_EQ(classes("add x0 2; mul t0 0.5", {kInteger}), (std::vector{kInteger, kFloat}));
  EXPECT_EQ(classes("div x0 x0; lt x0 t0; where t1 x0 x0; where t1 x0 t0", {kInteger}),
            (std::vector{kFloat, kBool, kInteger, kFloat}));
  EXPECT_EQ(classes("and x0 x0; where t0 t0 t0", {kFloat}), (std::vector{kBool, kBool}));
}

TEST(ScalarFunctions, HaveUniqueNamesThatNoOperandCouldBe) {
  for (const ScalarFunction &function : kScalarFunctions) {
    EXPECT_EQ(find_scalar_function(function.name), &function);
    EXPECT_LE(function.arity, 3u);
    EXPECT_FALSE(function.formula.empty());
  }
}

TEST(ScalarFunctions, OnlyConstantOnesHaveNoDerivative) {
  std::string constant;
  for (const ScalarFunction &function : kScalarFunctions) {
    if (function.rule == ScalarRule::kComparison || function.rule == ScalarRule::kLogical) continue;
    if (derivative_of(function, 0).zero) constant += std::string(function.name) + " ";
  }
  EXPECT_EQ(constant, "sign floor ceil round floor_div where ");
}

TEST(MapCodeBuilder, KeepsEqualInstructionsOnceAndDropsWhatIsNotNeeded) {
  MapCode code;
  std::string error;
  ASSERT_TRUE(read_map_code("exp x0; exp x0; add t0 t1; sin x1; exp x2 -> t2", 3, code, error));
  MapCodeBuilder builder;
  const MapOperand x0{MapOperand::Kind::kInput, 0, 0, 0};
  const MapOperand x4{MapOperand::Kind::kInput, 4, 0, 0};
  const std::vector<MapOperand> outputs = builder.splice(code, {x4, x0, x0});
  std::vector<uint32_t> used;
  EXPECT_EQ(write_map_code(builder.finish(outputs, used)), "exp x0; add t0 t0");
  EXPECT_EQ(used, (std::vector<uint32_t>{4}));
}

}  // namespace
}  // namespace flame
