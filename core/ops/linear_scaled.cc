// linear_scaled: a linear layer over numbers that are stored in f8 with a scale for each tensor.
#include <fmt/core.h>

#include "core/ops/catalogue/checks.h"
#include "core/ops/catalogue/costs.h"
#include "core/ops/catalogue/terms.h"

namespace flame::ops {
namespace {

enum Operand : size_t {
  kX,
  kWeight,
  kScaleX,
  kScaleWeight,
  kBias
};

// The type that the numbers are multiplied in, which holds both operands exactly.
DType product_dtype(DType x, DType weight) {
  if (!is_f8(x)) return x;
  return is_f8(weight) ? DType::kBF16 : weight;
}

Status check_types(const OpCall &call) {
  if (!is_float(call.dtype(kX))) return operand_error(call, kX, "a float, f8 or wider");
  const bool fits = is_f8(call.dtype(kX))
                        ? is_float(call.dtype(kWeight))
                        : is_f8(call.dtype(kWeight)) || call.dtype(kWeight) == call.dtype(kX);
  if (fits) return {};
  return operand_error(call, kWeight,
                       is_f8(call.dtype(kX)) ? std::string("a float, f8 or wider")
                                             : fmt::format("f8_e4m3, f8_e5m2 or {}, x's type",
                                                           name_of(call.dtype(kX))));
}

// f64 where the product is, and any narrower type that is computed with elsewhere.
Result<DType> answer_dtype(OpCall &call, DType product) {
  FLAME_ASSIGN(const DType dtype, dtype_attribute(call, "dtype", product));
  const bool wide = product == DType::kF64;
  if (is_computable(dtype) && (dtype == DType::kF64) == wide) return dtype;
  return attribute_error("dtype", call.attributes.text("dtype"),
                         wide ? "f64, which an operand is" : "f32, bf16 or f16");
}

Status infer(OpCall &call) {
  FLAME_TRY(check_types(call));
  FLAME_TRY(expect_rank_at_least(call, kX, 1));
  FLAME_TRY(expect_rank(call, kWeight, 2));
  const Shape &x = call.shape(kX);
  const Shape &weight = call.shape(kWeight);
  if (weight[1] != x.back(0)) {
    return operand_error(
        call, kWeight,
        fmt::format("{} columns, as x has features: {}", x.back(0), call.inputs[kX].text()));
  }
  FLAME_ASSIGN(const DType dtype,
               answer_dtype(call, product_dtype(call.dtype(kX), call.dtype(kWeight))));
  for (const size_t scale : {kScaleX, kScaleWeight}) {
    FLAME_TRY(expect_dtype(call, scale, compute_dtype(dtype)));
    FLAME_TRY(expect_shape(call, scale, Shape()));
  }
  if (call.input_count() > kBias) {
    FLAME_TRY(expect_dtype(call, kBias, dtype));
    FLAME_TRY(expect_shape(call, kBias, {weight[0]}));
  }
  std::vector<int64_t> sizes = sizes_of(x);
  sizes.back() = weight[0];
  FLAME_ASSIGN(const Shape shape, Shape::make(sizes));
  call.outputs = {{dtype, shape}};
  return {};
}

// One matrix with a row for each vector.
Term rows_of(const Term &x) {
  const Shape shape = x.shape();
  int64_t rows = 1;
  for (size_t axis = 0; axis + 1 < shape.rank(); ++axis) rows *= shape[axis];
  return reshape(x, {rows, shape.back(0)});
}

// The operands as numbers that can be multiplied, before they are scaled.
struct Factors {
  explicit Factors(const std::vector<Term> &inputs)
      : dtype(product_dtype(inputs[kX].dtype(), inputs[kWeight].dtype())),
        x(cast(rows_of(inputs[kX]), dtype)),
        weight(cast(inputs[kWeight], dtype)) {}

  // In the type that sums are held in.
  Term product(const Term &a, const Term &b, MatmulFlags flags) const {
    return apply_one("matmul", {a, b},
                     {{"transpose_a", flags.transpose_a},
                      {"transpose_b", flags.transpose_b},
                      {"dtype", std::string(name_of(compute_dtype(dtype)))}});
  }

  DType dtype;
  Term x;
  Term weight;
};

std::vector<Term> decompose(const OpRewrite &use) {
  const Factors factors(use.inputs);
  const TensorType &type = use.output_types[0];
  std::vector<Term> parts = {factors.product(factors.x, factors.weight, {false, true}),
                             use.inputs[kScaleX], use.inputs[kScaleWeight]};
  std::string code = "mul x1 x2; mul x0 t0";
  if (use.inputs.size() > kBias) {
    parts.push_back(use.inputs[kBias]);
    code += "; add t1 x3";
  }
  return {reshape(map(code, parts, type.dtype), type.shape)};
}

// What is stored in f8 has no place for a gradient.
bool refuse_f8(const OpRewrite &use) {
  for (const size_t operand : {kX, kWeight}) {
    const TensorType type = use.inputs[operand].type();
    if (!use.wanted[operand] || !is_f8(type.dtype)) continue;
    use.builder.fail(plugin_error(
        fmt::format("op 'linear_scaled': a gradient goes through operand {} '{}', which is {}; "
                    "numbers stored in f8 get none",
                    operand, operand == kX ? "x" : "weight", type.text()),
        "give the operand in bf16 or wider, or end the path before it with stop_gradient"));
    return true;
  }
  return false;
}

std::vector<Term> gradient(const OpRewrite &use) {
  std::vector<Term> gradients(use.inputs.size());
  if (refuse_f8(use)) return gradients;
  const Factors factors(use.inputs);
  const Term dy = rows_of(use.cotangents[0]);
  const Term narrow = cast(dy, factors.dtype);
  const Term &scale_x = use.inputs[kScaleX];
  const Term &scale_weight = use.inputs[kScaleWeight];
  const auto scaled = [&](const Term &sum, size_t operand) {
    return map("mul x1 x2; mul x0 t0", {sum, scale_x, scale_weight}, use.inputs[operand].dtype());
  };
  if (use.wanted[kX]) {
    const Term dx = scaled(factors.product(narrow, factors.weight, {}), kX);
    gradients[kX] = reshape(dx, use.inputs[kX].shape());
  }
  if (use.wanted[kWeight])
    gradients[kWeight] = scaled(factors.product(narrow, factors.x, {true, false}), kWeight);
  if (use.wanted[kScaleX] || use.wanted[kScaleWeight]) {
    const Term product = factors.product(factors.x, factors.weight, {false, true});
    const Term both = sum(map("mul x0 x1", {product, dy}, scale_x.dtype()), {0, 1});
    if (use.wanted[kScaleX]) gradients[kScaleX] = both * scale_weight;
    if (use.wanted[kScaleWeight]) gradients[kScaleWeight] = both * scale_x;
  }
  if (use.inputs.size() > kBias && use.wanted[kBias]) gradients[kBias] = sum(dy, {0});
  return gradients;
}

double cost(const OpCall &call) {
  return product_cost(call.outputs[0].shape, static_cast<double>(call.shape(kX).back(0)));
}

}  // namespace

OpDefinition define_linear_scaled() {
  return {
      .name = "linear_scaled",
      .summary = "linear over numbers stored in f8, with a scale for each of its two tensors.",
      .formula =
          "y[…, o] = (scale_x · scale_weight) · Σₖ x[…, k] · weight[o, k] + bias[o], with the "
          "numbers that the f8 types "
          "stand for. Each product of two numbers is exact; accumulated in f32 (f64 for f64), "
          "scaled "
          "and added to the "
          "bias there, rounded once. A scale is what a stored number is multiplied by to give the "
          "number that is "
          "meant.",
      .inputs = {{"x", "[…, k]; f8_e4m3, f8_e5m2, or any float"},
                 {"weight", "[o, k]; f8_e4m3, f8_e5m2, or x's type; any float where x is f8"},
                 {"scale_x", "a scalar; f32, or f64 where y is"},
                 {"scale_weight", "a scalar; scale_x's type"},
                 {"bias", "[o]; y's type", OperandCount::kOptional}},
      .outputs = {{"y", "[…, o]"}},
      .attributes = {{"dtype", AttributeKind::kString, std::string(),
                      "y's type: f32, bf16, f16 (f64 where an operand is); absent: that of the "
                      "operand which is not f8, "
                      "bf16 if both are"}},
      .dtypes = "f8_e4m3, f8_e5m2, f64, f32, bf16, f16",
      .agreement = Agreement::kLinear,
      .precision = {PrecisionRole::kNarrow, "a product; f8 operands stay, scales are f32",
                    1u << kScaleX | 1u << kScaleWeight},
      .infer = infer,
      .gradient = gradient,
      .gradient_note =
          "matmul; of everything but an operand stored in f8, through which no gradient may go",
      .decompose = decompose,
      .decomposition = "copy, map, matmul, reshape",
      .cost = cost,
  };
}

}  // namespace flame::ops
