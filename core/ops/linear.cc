// linear: a matrix product with a weight of the layout that checkpoints have, a bias, and what is added.
#include <fmt/core.h>

#include "core/ops/catalogue/checks.h"
#include "core/ops/catalogue/costs.h"
#include "core/ops/catalogue/terms.h"

namespace flame::ops {
namespace {

Status infer(OpCall &call) {
  FLAME_TRY(expect_one_float_type(call));
  FLAME_TRY(expect_rank_at_least(call, 0, 1));
  FLAME_TRY(expect_rank(call, 1, 2));
  const Shape &x = call.shape(0);
  const Shape &weight = call.shape(1);
  if (weight[1] != x.back(0)) {
    return operand_error(
        call, 1,
        fmt::format("{} columns, as x has features: {}", x.back(0), call.inputs[0].text()));
  }
  if (call.input_count() > 2) FLAME_TRY(expect_shape(call, 2, {weight[0]}));
  std::vector<int64_t> sizes = sizes_of(x);
  sizes.back() = weight[0];
  FLAME_ASSIGN(const Shape shape, Shape::make(sizes));
  if (call.input_count() == 4) FLAME_TRY(expect_shape(call, 3, shape));
  call.outputs = {{call.dtype(0), shape}};
  return {};
}

// One matrix with a row for each vector.
Term rows_of(const Term &x) {
  const Shape shape = x.shape();
  int64_t rows = 1;
  for (size_t axis = 0; axis + 1 < shape.rank(); ++axis) rows *= shape[axis];
  return reshape(x, {rows, shape.back(0)});
}

std::vector<Term> gradient(const OpRewrite &use) {
  const Term x = rows_of(use.inputs[0]);
  const Term dy = rows_of(use.cotangents[0]);
  std::vector<Term> gradients(use.inputs.size());
  if (use.wanted[0]) gradients[0] = reshape(matmul(dy, use.inputs[1]), use.inputs[0].shape());
  if (use.wanted[1]) gradients[1] = matmul(dy, x, {true, false});
  if (use.inputs.size() > 2 && use.wanted[2]) gradients[2] = sum(dy, {0});
  if (use.inputs.size() > 3 && use.wanted[3]) gradients[3] = use.cotangents[0];
  return gradients;
}

std::vector<Term> decompose(const OpRewrite &use) {
  const Term x = rows_of(use.inputs[0]);
  const TensorType &type = use.output_types[0];
  if (use.inputs.size() == 2) return {reshape(matmul(x, use.inputs[1], {false, true}), type.shape)};
  const Term product = apply_one(
      "matmul", {x, use.inputs[1]},
      {{"transpose_b", true}, {"dtype", std::string(name_of(compute_dtype(type.dtype)))}});
  std::vector<Term> parts = {product, use.inputs[2]};
  std::string code = "add x0 x1";
  if (use.inputs.size() > 3) {
    parts.push_back(rows_of(use.inputs[3]));
    code += "; add t0 x2";
  }
  return {reshape(map(code, parts, type.dtype), type.shape)};
}

double cost(const OpCall &call) {
  return product_cost(call.outputs[0].shape, static_cast<double>(call.shape(0).back(0)));
}

}  // namespace

OpDefinition define_linear() {
  return {
      .name = "linear",
      .summary =
          "A matrix product with a weight of the layout that checkpoints have, a bias, and a sum.",
      .formula =
          "y[…, o] = Σₖ x[…, k] · weight[o, k] + bias[o] + addend[…, o]. Accumulated in f32 "
          "(f64 for f64), rounded once.",
      .inputs = {{"x", "[…, k]"},
                 {"weight", "[o, k]; x's type"},
                 {"bias", "[o]; x's type", OperandCount::kOptional},
                 {"addend", "y's shape and type; given with a bias alone, matmul has one without",
                  OperandCount::kOptional}},
      .outputs = {{"y", "[…, o]"}},
      .dtypes = "f64, f32, bf16, f16",
      .agreement = Agreement::kLinear,
      .precision = {PrecisionRole::kNarrow, "a product: fast in narrow types, accumulated in f32"},
      .infer = infer,
      .gradient = gradient,
      .gradient_note = "matmul",
      .decompose = decompose,
      .decomposition = "map, matmul, reshape",
      .cost = cost,
  };
}

}  // namespace flame::ops
