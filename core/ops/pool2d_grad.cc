// pool2d_grad: the gradient of pool2d.
#include <fmt/core.h>

#include "core/ops/catalogue/checks.h"
#include "core/ops/catalogue/pooling.h"
#include "core/ops/catalogue/terms.h"

namespace flame::ops {
namespace {

Status infer(OpCall &call) {
  FLAME_TRY(expect_one_float_type(call));
  FLAME_TRY(expect_rank(call, 0, 4));
  FLAME_TRY(expect_length(call, "size", 2));
  const Shape dy = call.shape(0);
  const std::vector<int64_t> size = call.attributes.integers("size");
  FLAME_ASSIGN(const auto pooled, pooled_size(call, size[0], size[1]));
  if (dy[1] != pooled[0] || dy[2] != pooled[1]) {
    return operand_error(call, 0,
                         fmt::format("{} by {} places, as pool2d gives", pooled[0], pooled[1]));
  }
  const int64_t sizes[] = {dy[0], size[0], size[1], dy[3]};
  FLAME_ASSIGN(const Shape shape, Shape::make(sizes));
  const bool max = call.attributes.text("kind") == "max";
  if (max != (call.input_count() == 2)) {
    return plugin_error(max ? "needs operand 1 'x' for the maximum"
                            : "takes no operand 'x' for the average");
  }
  if (max) FLAME_TRY(expect_shape(call, 1, shape));
  call.outputs = {{call.dtype(0), shape}};
  return {};
}

std::vector<Term> gradient(const OpRewrite &use) {
  if (use.inputs.size() == 2) {
    use.builder.fail(plugin_error("op 'pool2d_grad': the maximum has no second derivative"));
    return {Term(), Term()};
  }
  Attributes attributes;
  for (const auto &[name, value] : use.attributes.entries()) {
    if (name != "size") attributes.set(name, value);
  }
  return {apply_one("pool2d", {use.cotangents[0]}, attributes)};
}

}  // namespace

OpDefinition define_pool2d_grad() {
  OpDefinition op{
      .name = "pool2d_grad",
      .group = OpGroup::kRequired,
      .summary = "The gradient of pool2d.",
      .formula =
          "dx[n, h, w, c] = Σ over the windows i, j that hold h, w of: for an average, dy[n, i, j, "
          "c] divided as pool2d "
          "divides; for a maximum, dy[n, i, j, c] if h, w is the first place of the window, in "
          "row-major order, where x is "
          "NaN or, without NaN, equal to the maximum. Accumulated in f32 (f64 for f64).",
      .inputs = {{"dy", "[n, h', w', c]"},
                 {"x", "[n, h, w, c], dy's type; for the maximum alone", OperandCount::kOptional}},
      .outputs = {{"dx", "[n, h, w, c]"}},
      .attributes = pooling_attributes(),
      .dtypes = "f64, f32, bf16, f16",
      .agreement = Agreement::kLinear,
      .precision = {PrecisionRole::kFollow, "computes in f32 inside and rounds once"},
      .infer = infer,
      .gradient = gradient,
      .gradient_note = "of the average alone",
  };
  op.attributes.push_back({"size", AttributeKind::kInts, std::nullopt, "h and w of dx"});
  return op;
}

}  // namespace flame::ops
