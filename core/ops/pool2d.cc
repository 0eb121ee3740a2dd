// pool2d: maximum or average over windows of an image.
#include "core/ops/catalogue/checks.h"
#include "core/ops/catalogue/pooling.h"
#include "core/ops/catalogue/terms.h"

namespace flame::ops {
namespace {

Status infer(OpCall &call) {
  FLAME_TRY(expect_computable(call, 0));
  FLAME_TRY(expect_rank(call, 0, 4));
  const Shape x = call.shape(0);
  FLAME_ASSIGN(const auto size, pooled_size(call, x[1], x[2]));
  const int64_t sizes[] = {x[0], size[0], size[1], x[3]};
  FLAME_ASSIGN(const Shape shape, Shape::make(sizes));
  call.outputs = {{call.dtype(0), shape}};
  return {};
}

std::vector<Term> gradient(const OpRewrite &use) {
  const Term &x = use.inputs[0];
  Attributes attributes = use.attributes;
  attributes.set("size", std::vector<int64_t>{x.size(1), x.size(2)});
  const bool max = attributes.text("kind") == "max";
  return {apply_one("pool2d_grad", {use.cotangents[0], max ? x : Term()}, attributes)};
}

}  // namespace

OpDefinition define_pool2d() {
  return {
      .name = "pool2d",
      .group = OpGroup::kRequired,
      .summary = "The maximum or average over windows of an image with channels last.",
      .formula =
          "y[n, i, j, c] = the maximum or average of x[n, h, w, c] over the window of i, j. The "
          "window of i holds the rows "
          "from i·stride₀ - top to i·stride₀ - top + window₀ - 1 that lie in the image; likewise "
          "columns. "
          "h' = (h + top + bottom - window₀) / stride₀ + 1, rounded down. With output_size the "
          "window of i holds the rows "
          "from ⌊i·h / h'⌋ to ⌈(i + 1)·h / h'⌉ - 1.\n"
          "An average divides by the number of elements taken, or by window₀·window₁ with "
          "count_include_pad; it is "
          "accumulated in f32 (f64 for f64). A maximum is NaN if an element is.",
      .inputs = {{"x", "[n, h, w, c]; h and w at least 1"}},
      .outputs = {{"y", "[n, h', w', c]"}},
      .attributes = pooling_attributes(),
      .dtypes = "f64, f32, bf16, f16",
      .agreement = Agreement::kLinear,
      .precision = {PrecisionRole::kFollow, "computes in f32 inside and rounds once"},
      .infer = infer,
      .gradient = gradient,
      .gradient_note = "pool2d_grad",
  };
}

}  // namespace flame::ops
