// The catalogue as a whole, and what its checks refuse.
#include "core/ops/catalogue/catalogue.h"

#include <gmock/gmock.h>

#include <cmath>
#include <set>

#include "backends/reference/kernel.h"
#include "flame/scalar_functions.hpp"

namespace flame {
namespace {

using testing::HasSubstr;

TensorType f32(Shape shape) {
  return {DType::kF32, shape};
}

std::string error_of(std::string_view op, std::vector<TensorType> inputs,
                     Attributes attributes = {}) {
  const Result<OpCall> call = infer_op(op, std::move(inputs), std::move(attributes));
  return call.ok() ? "no error" : call.error().text();
}

TEST(Catalogue, EveryOpIsCompleteAndFoundByItsName) {
  for (const OpDefinition &op : catalogue()) {
    SCOPED_TRACE(op.name);
    EXPECT_EQ(find_op(op.name), &op);
    EXPECT_EQ(find_scalar_function(op.name), nullptr);
    EXPECT_FALSE(op.summary.empty() || op.formula.empty() || op.dtypes.empty());
    EXPECT_FALSE(op.outputs.empty());
    ASSERT_NE(op.infer, nullptr);
    EXPECT_EQ(op.resolve != nullptr, op.group == OpGroup::kView);
    EXPECT_EQ(op.decompose != nullptr, op.group == OpGroup::kOptional);
    EXPECT_TRUE(op.gradient || op.decompose || !op.gradient_note.empty());
    for (const AttributeSpec &attribute : op.attributes) {
      EXPECT_FALSE(attribute.help.empty());
      EXPECT_EQ(attribute.default_value ? kind_of(*attribute.default_value) : attribute.kind,
                attribute.kind);
    }
  }
}

TEST(Catalogue, TheReferenceHasAKernelForEveryRequiredOpAndNoOther) {
  for (const OpDefinition &op : catalogue()) {
    EXPECT_EQ(reference::find_kernel(op.name) != nullptr, op.group == OpGroup::kRequired)
        << op.name;
  }
}

TEST(Infer, NamesTheOpTheOperandAndWhatWasExpected) {
  EXPECT_EQ(error_of("matmul", {f32({2, 3}), f32({4, 5})}),
            "op 'matmul': operand 1 'b' is f32[4, 5], expected 3 rows to match the columns of a "
            "f32[2, 3]");
  EXPECT_THAT(error_of("matmul", {f32({2, 3})}),
              HasSubstr("has 1 inputs, expected: a, b, addend (optional)"));
  EXPECT_THAT(error_of("matmull", {}), HasSubstr("did you mean 'matmul'?"));
  EXPECT_THAT(error_of("reduce", {f32({2})}, {{"kind", "sum"}, {"axis", int64_t{0}}}),
              HasSubstr("needs the attribute 'axes'"));
  EXPECT_THAT(error_of("copy", {f32({2})}, {{"dtyp", "f32"}}),
              HasSubstr("has no attribute 'dtyp'"));
  EXPECT_THAT(error_of("copy", {f32({2})}, {{"dtype", int64_t{3}}}),
              HasSubstr("is of kind int, expected string"));
  EXPECT_THAT(error_of("copy", {f32({2})}, {{"dtype", "float"}}),
              HasSubstr("expected one of f64, f32"));
  EXPECT_THAT(error_of("reduce", {f32({2})}, {{"kind", "sum"}, {"axes", std::vector<int64_t>{1}}}),
              HasSubstr("the attribute 'axes' is [1], expected axes of a tensor of 1 axes"));
  EXPECT_THAT(error_of("add", {f32({2})}), HasSubstr("has 1 inputs, expected 2"));
  EXPECT_THAT(error_of("add", {f32({2}), f32({3})}),
              HasSubstr("operand 1 'x' is f32[3], expected a shape that broadcasts with [2]"));
}

TEST(Infer, RefusesSlicesThatLeaveTheTensor) {
  const auto slice = [](int64_t start, int64_t count, int64_t step) {
    return error_of("slice", {f32({5})},
                    {{"axis", int64_t{0}}, {"start", start}, {"count", count}, {"step", step}});
  };
  EXPECT_EQ(slice(4, 3, -2), "no error");
  EXPECT_EQ(slice(5, 0, 1), "no error");
  EXPECT_THAT(slice(4, 4, -2), HasSubstr("expected 0 to 3"));
  EXPECT_THAT(slice(0, 2, INT64_MAX), HasSubstr("'step'"));
  EXPECT_THAT(slice(0, 2, INT64_MIN), HasSubstr("'step'"));
  EXPECT_THAT(slice(0, 2, int64_t{1} << 59), HasSubstr("expected 0 to 1"));
  EXPECT_THAT(slice(-1, 1, 1), HasSubstr("'start'"));
  EXPECT_THAT(slice(0, 1, 0), HasSubstr("'step'"));
}

TEST(Infer, RefusesAnswersThatAreTooLarge) {
  const int64_t huge = int64_t{1} << 40;
  EXPECT_THAT(error_of("matmul", {f32({huge, 1}), f32({1, huge})}), HasSubstr("2^59"));
  EXPECT_THAT(error_of("add", {f32({huge, 1}), f32({1, huge})}), HasSubstr("broadcast"));
  EXPECT_THAT(error_of("gather", {f32({1, huge}), {DType::kI64, {huge}}}), HasSubstr("2^59"));
  EXPECT_THAT(error_of("fill", {}, {{"shape", std::vector<int64_t>{huge, huge}}, {"value", 0.0}}),
              HasSubstr("2^59"));
  EXPECT_THAT(error_of("concat", {f32({int64_t{1} << 59}), f32({int64_t{1} << 59})},
                       {{"axis", int64_t{0}}}),
              HasSubstr("fewer"));
}

TEST(Infer, RefusesHostileCountsWhereATensorIsEmpty) {
  const int64_t huge = int64_t{1} << 40;
  const TensorType q = f32({huge, 1, 1, 0});
  EXPECT_THAT(error_of("attention", {q, f32({huge, 0, 1, 0}), f32({huge, 0, 1, 1 << 19})},
                       {{"scale", 1.0}}),
              "no error");
  EXPECT_THAT(error_of("attention", {f32({1, huge, 1, 0}), f32({1, 0, 1, 0}), f32({1, 0, 1, huge})},
                       {{"scale", 1.0}}),
              HasSubstr("2^59"));
  EXPECT_THAT(error_of("group_norm", {f32({huge, 0})}, {{"groups", huge}}),
              HasSubstr("groups divide"));
  EXPECT_THAT(
      error_of("take_along", {f32({huge, 1}), {DType::kI64, {1, huge}}}, {{"axis", int64_t{1}}}),
      HasSubstr("but for the axis"));
  EXPECT_THAT(
      error_of("take_along", {f32({huge, 1}), {DType::kI64, {huge, 1, 1}}}, {{"axis", int64_t{1}}}),
      HasSubstr("expected 2 axes"));
  EXPECT_THAT(error_of("layer_norm", {f32({2})}, {{"eps", std::nan("")}}), HasSubstr("'eps'"));
  EXPECT_THAT(error_of("pad", {f32({1, 1})}, {{"padding", std::vector<int64_t>(4, huge << 16)}}),
              HasSubstr("2^59"));
  EXPECT_THAT(error_of("conv2d", {f32({1, huge, 1, 1}), f32({1, 1, 1, 1})}), HasSubstr("2^28"));
  EXPECT_THAT(error_of("conv2d", {f32({1, 2, 2, 1}), f32({1, 3, 1, 1})}),
              HasSubstr("does not fit"));
  EXPECT_THAT(error_of("pool2d", {f32({1, 0, 2, 1})},
                       {{"kind", "max"}, {"window", std::vector<int64_t>{1, 1}}}),
              HasSubstr("empty"));
}

TEST(Infer, CompletesAndNormalisesAttributes) {
  const Result<OpCall> call = infer_op("reduce", {f32({2, 3, 4})},
                                       {{"axes", std::vector<int64_t>{-1, 0}}, {"kind", "sum"}});
  ASSERT_TRUE(call.ok());
  EXPECT_EQ(call->attributes.integers("axes"), (std::vector<int64_t>{0, 2}));
  EXPECT_EQ(call->attributes.entries().front().first, "kind");
  EXPECT_FALSE(call->attributes.flag("keep_dims"));
  EXPECT_EQ(call->outputs, (std::vector{f32({3})}));
  EXPECT_EQ(infer_op("reshape", {f32({2, 6})}, {{"shape", std::vector<int64_t>{3, -1}}})->outputs,
            (std::vector{f32({3, 4})}));
  EXPECT_THAT(error_of("reshape", {f32({2, 6})}, {{"shape", std::vector<int64_t>{-1, -1}}}),
              HasSubstr("'shape'"));
  EXPECT_THAT(error_of("reshape", {f32({0, 6})}, {{"shape", std::vector<int64_t>{0, -1}}}),
              HasSubstr("'shape'"));
}

TEST(Infer, TakesAnAddendOfALinearOfTheAnswersShapeAndTypeAlone) {
  const auto with = [](const TensorType &addend) {
    return error_of("linear", {f32({2, 3}), f32({4, 3}), f32({4}), addend});
  };
  EXPECT_TRUE(
      infer_op("linear", {f32({2, 3}), f32({4, 3}), f32({4}), f32({2, 4})}, Attributes()).ok());
  EXPECT_THAT(with(f32({4})), HasSubstr("operand 3 'addend' is f32[4], expected the shape [2, 4]"));
  EXPECT_THAT(with(f32({1, 4})), HasSubstr("expected the shape [2, 4]"));
  EXPECT_THAT(with({DType::kBF16, {2, 4}}), HasSubstr("operand 3 'addend' is bf16[2, 4]"));
}

TEST(Infer, TakesAnAddendOfANormsGradientOfTheShapeAndTypeOfXAlone) {
  const TensorType x = f32({2, 3, 4});
  const auto group = [&](const TensorType &addend) {
    return error_of("group_norm_grad", {x, x, f32({2, 2}), f32({2, 2}), f32({4}), f32({4}), addend},
                    {{"groups", int64_t{2}}});
  };
  const auto layer = [&](const TensorType &addend) {
    return error_of("layer_norm_grad", {x, x, f32({2, 3}), f32({2, 3}), f32({4}), addend});
  };
  const auto rms = [&](const TensorType &addend) {
    return error_of("rms_norm_grad", {x, x, f32({2, 3}), f32({4}), addend});
  };
  EXPECT_THAT(group(f32({4})), HasSubstr("operand 6 'addend' is f32[4], expected the shape"));
  EXPECT_THAT(layer(f32({1, 3, 4})), HasSubstr("operand 5 'addend' is f32[1, 3, 4], expected the"));
  EXPECT_THAT(rms({DType::kBF16, {2, 3, 4}}), HasSubstr("operand 4 'addend' is bf16[2, 3, 4]"));
  EXPECT_TRUE(infer_op("rms_norm_grad", {x, x, f32({2, 3}), f32({4}), x}, Attributes()).ok());
}

TEST(Infer, TakesNumbersStoredInF8WithScalesAlone) {
  using enum DType;
  const auto type = [](DType x, DType weight, const char *dtype = "", DType scale = kF32) {
    const Result<OpCall> call =
        infer_op("linear_scaled", {{x, {2, 3}}, {weight, {4, 3}}, {scale, {}}, {scale, {}}},
                 {{"dtype", dtype}});
    return call.ok() ? call->outputs[0].text() : call.error().text();
  };
  EXPECT_EQ(type(kF8E4M3, kF8E5M2), "bf16[2, 4]");
  EXPECT_EQ(type(kF8E4M3, kF8E4M3, "f32"), "f32[2, 4]");
  EXPECT_EQ(type(kF16, kF8E4M3), "f16[2, 4]");
  EXPECT_EQ(type(kF8E4M3, kF32, "bf16"), "bf16[2, 4]");
  EXPECT_EQ(type(kF64, kF8E4M3, "", kF64), "f64[2, 4]");
  EXPECT_THAT(type(kF64, kF8E4M3), HasSubstr("operand 2 'scale_x' is f32[], expected f64"));
  EXPECT_THAT(type(kF8E4M3, kF8E4M3, "f64"), HasSubstr("expected f32, bf16 or f16"));
  EXPECT_THAT(type(kF8E4M3, kF8E4M3, "f8_e4m3"), HasSubstr("expected f32, bf16 or f16"));
  EXPECT_THAT(
      type(kBF16, kF16),
      HasSubstr("operand 1 'weight' is f16[4, 3], expected f8_e4m3, f8_e5m2 or bf16, x's type"));
  EXPECT_THAT(type(kI32, kF8E4M3), HasSubstr("operand 0 'x' is i32[2, 3]"));
  EXPECT_THAT(error_of("linear_scaled", {{kF8E4M3, {2, 3}}, {kF8E4M3, {4, 5}}, f32({}), f32({})}),
              HasSubstr("expected 3 columns, as x has features: f8_e4m3[2, 3]"));
  EXPECT_THAT(error_of("linear_scaled", {{kF8E4M3, {2, 3}}, {kF8E4M3, {4, 3}}, f32({}), f32({1})}),
              HasSubstr("operand 3 'scale_weight' is f32[1], expected the shape []"));
  EXPECT_THAT(
      error_of("linear_scaled", {{kF8E4M3, {2, 3}}, {kF8E4M3, {4, 3}}, f32({}), f32({}), f32({4})}),
      HasSubstr("operand 4 'bias' is f32[4], expected bf16"));
}

TEST(Infer, JoinsTheTypesOfMaps) {
  const auto type = [](std::string code, std::vector<DType> dtypes) {
    std::vector<TensorType> inputs;
    for (const DType dtype : dtypes) inputs.push_back({dtype, {}});
    return infer_op("map", inputs, {{"code", std::move(code)}})->outputs[0].dtype;
  };
  using enum DType;
  EXPECT_EQ(type("add x0 x1", {kBF16, kBF16}), kBF16);
  EXPECT_EQ(type("add x0 x1", {kBF16, kF16}), kF32);
  EXPECT_EQ(type("mul x0 2.5", {kI64}), kF32);
  EXPECT_EQ(type("mul x0 2", {kI32}), kI32);
  EXPECT_EQ(type("add x0 x1", {kI32, kU8}), kI32);
  EXPECT_EQ(type("add x0 x1", {kBool, kBool}), kI64);
  EXPECT_EQ(type("lt x0 x1", {kF64, kI32}), kBool);
  EXPECT_EQ(type("exp x0", {kF8E4M3}), kF32);
}

}  // namespace
}  // namespace flame
