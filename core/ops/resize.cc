// resize: an image of another size.
#include <algorithm>

#include "core/ops/catalogue/checks.h"
#include "core/ops/catalogue/terms.h"

namespace flame::ops {
namespace {

Status infer(OpCall &call) {
  FLAME_TRY(expect_computable(call, 0));
  FLAME_TRY(expect_rank(call, 0, 4));
  FLAME_TRY(expect_choice(call, "kind", {"nearest", "bilinear"}));
  FLAME_TRY(expect_length(call, "size", 2));
  FLAME_TRY(expect_range(call, "size", 1, int64_t{1} << 28));
  const Shape &x = call.shape(0);
  const std::vector<int64_t> &size = call.attributes.integers("size");
  for (size_t axis = 1; axis < 3; ++axis) {
    if (x[axis] < 1 || x[axis] > (int64_t{1} << 28))
      return operand_error(call, 0, "1 to 2^28 rows and columns");
  }
  const bool nearest = call.attributes.text("kind") == "nearest";
  if (nearest && call.attributes.flag("align_corners"))
    return attribute_error("align_corners", true, "false for nearest");
  const int64_t sizes[] = {x[0], size[0], size[1], x[3]};
  FLAME_ASSIGN(const Shape shape, Shape::make(sizes));
  call.outputs = {{call.dtype(0), shape}};
  return {};
}

Term nearest(const Term &x, size_t axis, int64_t size) {
  const int64_t from = x.size(axis);
  const Term places = iota(x.builder(), {size}, 0, 0, 1, DType::kI64);
  const std::string code =
      "mul x0 " + std::to_string(from) + "; floor_div t0 " + std::to_string(size);
  return gather(x, map(code, {places}), static_cast<int64_t>(axis));
}

// Every pixel repeated, without indices: its gradient is a plain sum.
Term repeated(const Term &x, int64_t down, int64_t across) {
  const Shape shape = x.shape();
  const Term split = reshape(x, {shape[0], shape[1], 1, shape[2], 1, shape[3]});
  const Term wide = broadcast_to(split, {shape[0], shape[1], down, shape[2], across, shape[3]});
  return reshape(wide, {shape[0], shape[1] * down, shape[2] * across, shape[3]});
}

// The mix of two neighbours along an axis. The position is the fraction top / bottom, in whole
// numbers, so that it is exact.
Term linear(const Term &x, size_t axis, int64_t size, bool align_corners) {
  const int64_t from = x.size(axis);
  const Term i = iota(x.builder(), {size}, 0, 0, 1, DType::kI64);
  const int64_t bottom = align_corners ? std::max<int64_t>(size - 1, 1) : 2 * size;
  const std::string top = align_corners ? "mul x0 " + std::to_string(from - 1)
                                        : "mul x0 2; add t0 1; mul t1 " + std::to_string(from) +
                                              "; sub t2 " + std::to_string(size) + "; max t3 0";
  const Term position = map(top, {i});
  const std::string divisor = std::to_string(bottom);
  const Term low = map("floor_div x0 " + divisor, {position});
  const Term high = map("add x0 1; min t0 " + std::to_string(from - 1), {low});
  const Term share =
      map("mod x0 " + divisor + "; div t0 " + divisor, {position}, compute_dtype(x.dtype()));
  Shape column{size, 1, 1};
  if (axis == 2) column = {size, 1};
  const auto along = static_cast<int64_t>(axis);
  return map("sub x1 x0; mul t0 x2; add x0 t1",
             {gather(x, low, along), gather(x, high, along), reshape(share, column)},
             compute_dtype(x.dtype()));
}

std::vector<Term> decompose(const OpRewrite &use) {
  const Term &x = use.inputs[0];
  const int64_t height = use.attributes.integers("size")[0];
  const int64_t width = use.attributes.integers("size")[1];
  if (use.attributes.text("kind") == "bilinear") {
    const bool align_corners = use.attributes.flag("align_corners");
    return {cast(linear(linear(x, 1, height, align_corners), 2, width, align_corners), x.dtype())};
  }
  if (height % x.size(1) == 0 && width % x.size(2) == 0)
    return {repeated(x, height / x.size(1), width / x.size(2))};
  return {nearest(nearest(x, 1, height), 2, width)};
}

}  // namespace

OpDefinition define_resize() {
  return {
      .name = "resize",
      .summary = "An image of another size: the nearest pixel or a bilinear mix.",
      .formula =
          "nearest: y[n, i, j, c] = x[n, ⌊i·h / h'⌋, ⌊j·w / w'⌋, c]. bilinear: the mix along each "
          "axis of the pixels ⌊p⌋ and "
          "min(⌊p⌋ + 1, h - 1) by the fraction of p = max((i + ½)·h / h' - ½, 0), or with "
          "align_corners p = i·(h - 1) / (h' "
          "- 1), 0 if h' = 1. Computed in f32 (f64 for f64).",
      .inputs = {{"x", "[n, h, w, c]; h and w at least 1"}},
      .outputs = {{"y", "[n, h', w', c]"}},
      .attributes = {{"kind", AttributeKind::kString, std::nullopt, "\"nearest\" or \"bilinear\""},
                     {"size", AttributeKind::kInts, std::nullopt, "h' and w'"},
                     {"align_corners", AttributeKind::kBool, false,
                      "the corner pixels' centres stay; bilinear alone"}},
      .dtypes = "f64, f32, bf16, f16",
      .precision = {PrecisionRole::kFollow, "computes in f32 inside and rounds once"},
      .infer = infer,
      .decompose = decompose,
      .decomposition = "broadcast_to, gather, iota, map, reshape",
  };
}

}  // namespace flame::ops
