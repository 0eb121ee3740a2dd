// matmul: batched matrix product with transposes and an optional addend.
#include <fmt/core.h>

#include "core/ops/catalogue/checks.h"
#include "core/ops/catalogue/costs.h"
#include "core/ops/catalogue/terms.h"

namespace flame::ops {
namespace {

Shape batch_of(const Shape &shape) {
  return Shape(shape.sizes().first(shape.rank() - 2));
}

Result<Shape> product_shape(const OpCall &call, bool transpose_a, bool transpose_b) {
  const Shape &a = call.shape(0);
  const Shape &b = call.shape(1);
  const int64_t rows = a.back(transpose_a ? 0 : 1);
  const int64_t inner = a.back(transpose_a ? 1 : 0);
  const int64_t columns = b.back(transpose_b ? 1 : 0);
  if (b.back(transpose_b ? 0 : 1) != inner) {
    return operand_error(
        call, 1,
        fmt::format("{} {} to match the {} of a {}", inner, transpose_b ? "columns" : "rows",
                    transpose_a ? "rows" : "columns", call.inputs[0].text()));
  }
  const Result<Shape> batch = broadcast(batch_of(a), batch_of(b));
  if (!batch.ok())
    return operand_error(call, 1, "batch axes that broadcast with a's " + batch_of(a).text());
  std::vector<int64_t> sizes = sizes_of(*batch);
  sizes.insert(sizes.end(), {rows, columns});
  return Shape::make(sizes);
}

Status infer(OpCall &call) {
  for (size_t i = 0; i < 2; ++i) {
    FLAME_TRY(expect_computable(call, i));
    FLAME_TRY(expect_rank_at_least(call, i, 2));
  }
  FLAME_TRY(expect_same_dtype(call, 1, 0));
  FLAME_ASSIGN(const DType dtype, dtype_attribute(call, "dtype", call.dtype(0)));
  if (dtype != call.dtype(0) && dtype != compute_dtype(call.dtype(0))) {
    return attribute_error("dtype", call.attributes.text("dtype"), "the inputs' type or f32");
  }
  FLAME_ASSIGN(const Shape shape, product_shape(call, call.attributes.flag("transpose_a"),
                                                call.attributes.flag("transpose_b")));
  if (call.input_count() == 3) {
    FLAME_TRY(expect_shape(call, 2, shape));
    FLAME_TRY(expect_dtype(call, 2, dtype));
  }
  call.outputs = {{dtype, shape}};
  return {};
}

// One matrix of all the batch's rows.
Term flattened(const Term &x) {
  const Shape shape = x.shape();
  int64_t rows = 1;
  for (size_t axis = 0; axis + 1 < shape.rank(); ++axis) rows *= shape[axis];
  return reshape(x, {rows, shape.back(0)});
}

std::vector<Term> gradient(const OpRewrite &use) {
  const Term &a = use.inputs[0];
  const Term &b = use.inputs[1];
  const bool transpose_a = use.attributes.flag("transpose_a");
  const bool transpose_b = use.attributes.flag("transpose_b");
  const Term dy = cast(use.cotangents[0], a.dtype());
  std::vector<Term> gradients(use.inputs.size());
  if (use.wanted[0]) {
    const Term da =
        transpose_a ? matmul(b, dy, {transpose_b, true}) : matmul(dy, b, {false, !transpose_b});
    gradients[0] = sum_to(da, a.shape());
  }
  if (use.wanted[1]) {
    // A matrix that all of a batch shares gets one large product instead of a sum of small ones.
    const bool shared = b.rank() == 2 && !transpose_a;
    const Term rows = shared ? flattened(a) : a;
    const Term drows = shared ? flattened(dy) : dy;
    const Term db = transpose_b ? matmul(drows, rows, {true, transpose_a})
                                : matmul(rows, drows, {!transpose_a, false});
    gradients[1] = sum_to(db, b.shape());
  }
  if (use.inputs.size() == 3 && use.wanted[2]) gradients[2] = use.cotangents[0];
  return gradients;
}

double cost(const OpCall &call) {
  const int64_t inner = call.shape(0).back(call.attributes.flag("transpose_a") ? 1 : 0);
  return product_cost(call.outputs[0].shape, static_cast<double>(inner));
}

}  // namespace

OpDefinition define_matmul() {
  return {
      .name = "matmul",
      .group = OpGroup::kRequired,
      .summary = "The product of matrices, for each element of the batch axes.",
      .formula =
          "y[…, i, j] = Σₖ a[…, i, k] · b[…, k, j] + addend[…, i, j]. With transpose_a the last "
          "two "
          "axes of a are swapped "
          "before, likewise b. The batch axes of a and b broadcast. Accumulated in f32 (f64 for "
          "f64), rounded once; an "
          "empty sum is 0.",
      .inputs = {{"a", "[…, m, k], or […, k, m] with transpose_a"},
                 {"b", "[…, k, n], or […, n, k] with transpose_b; a's type"},
                 {"addend", "y's shape and type", OperandCount::kOptional}},
      .outputs = {{"y", "[…, m, n]"}},
      .attributes = {{"transpose_a", AttributeKind::kBool, false, "a holds the transposed matrix"},
                     {"transpose_b", AttributeKind::kBool, false, "b holds the transposed matrix"},
                     {"dtype", AttributeKind::kString, std::string(),
                      "y's type: a's (if absent) or f32"}},
      .dtypes = "f64, f32, bf16, f16",
      .agreement = Agreement::kLinear,
      .precision = {PrecisionRole::kNarrow, "a product: fast in narrow types, accumulated in f32"},
      .infer = infer,
      .gradient = gradient,
      .cost = cost,
  };
}

}  // namespace flame::ops
