#include "core/ops/catalogue/terms.h"

#include <algorithm>

#include "flame/map_code.hpp"

namespace flame {

std::vector<Term> apply(std::string_view op, const std::vector<Term> &inputs,
                        Attributes attributes) {
  std::vector<ValueId> ids;
  for (const Term &input : inputs) {
    if (!input) break;
    ids.push_back(input.id());
  }
  OpBuilder &builder = inputs.front().builder();
  std::vector<Term> outputs;
  for (const ValueId id : builder.add(op, ids, std::move(attributes)))
    outputs.emplace_back(builder, id);
  return outputs;
}

Term apply_one(std::string_view op, const std::vector<Term> &inputs, Attributes attributes) {
  return apply(op, inputs, std::move(attributes)).front();
}

Term map(std::string code, const std::vector<Term> &inputs) {
  return apply_one("map", inputs, {{"code", std::move(code)}});
}

Term map(std::string code, const std::vector<Term> &inputs, DType dtype) {
  return map_many(std::move(code), inputs, {dtype}).front();
}

std::vector<Term> map_many(std::string code, const std::vector<Term> &inputs,
                           const std::vector<DType> &dtypes) {
  std::vector<std::string> names;
  for (const DType dtype : dtypes) names.emplace_back(name_of(dtype));
  return apply("map", inputs, {{"code", std::move(code)}, {"dtypes", std::move(names)}});
}

Term operator+(const Term &a, const Term &b) {
  return map("add x0 x1", {a, b});
}
Term operator-(const Term &a, const Term &b) {
  return map("sub x0 x1", {a, b});
}
Term operator*(const Term &a, const Term &b) {
  return map("mul x0 x1", {a, b});
}
Term operator/(const Term &a, const Term &b) {
  return map("div x0 x1", {a, b});
}
Term operator+(const Term &a, double b) {
  return map("add x0 " + write_map_float(b), {a});
}
Term operator*(const Term &a, double b) {
  return map("mul x0 " + write_map_float(b), {a});
}
Term operator-(const Term &a) {
  return map("neg x0", {a});
}

Term cast(const Term &x, DType dtype) {
  if (x.dtype() == dtype) return x;
  return apply_one("copy", {x}, {{"dtype", std::string(name_of(dtype))}});
}

Term reduce(std::string_view kind, const Term &x, const Axes &axes, bool keep_dims) {
  return apply_one("reduce", {x},
                   {{"kind", std::string(kind)}, {"axes", axes}, {"keep_dims", keep_dims}});
}

Term sum(const Term &x, const Axes &axes, bool keep_dims) {
  return axes.empty() ? x : reduce("sum", x, axes, keep_dims);
}

Term mean(const Term &x, const Axes &axes, bool keep_dims) {
  return reduce("mean", x, axes, keep_dims);
}

Term reduce_wide(std::string_view kind, const Term &x, const Axes &axes) {
  return apply_one("reduce", {x},
                   {{"kind", std::string(kind)},
                    {"axes", axes},
                    {"keep_dims", true},
                    {"dtype", std::string(name_of(compute_dtype(x.dtype())))}});
}

Term reduce_loss(const Term &losses, std::string_view reduction) {
  return reduction == "none" ? losses : reduce(reduction, losses, axes_from(0, losses.rank()));
}

Term sum_to(const Term &x, const Shape &shape) {
  const Shape from = x.shape();
  if (from == shape) return x;
  const size_t added = from.rank() - std::min(from.rank(), shape.rank());
  Axes axes;
  for (size_t axis = 0; axis < from.rank(); ++axis) {
    if (axis < added || (shape[axis - added] == 1 && from[axis] != 1)) axes.push_back(axis);
  }
  return reshape(sum(x, axes, true), shape);
}

Term matmul(const Term &a, const Term &b, MatmulFlags flags) {
  return apply_one("matmul", {a, b},
                   {{"transpose_a", flags.transpose_a}, {"transpose_b", flags.transpose_b}});
}

Term reshape(const Term &x, const Shape &shape) {
  if (x.shape() == shape) return x;
  return apply_one("reshape", {x}, {{"shape", sizes_of(shape)}});
}

Term permute(const Term &x, const Axes &axes) {
  if (std::ranges::is_sorted(axes)) return x;
  return apply_one("permute", {x}, {{"axes", axes}});
}

Term broadcast_to(const Term &x, const Shape &shape) {
  if (x.shape() == shape) return x;
  return apply_one("broadcast_to", {x}, {{"shape", sizes_of(shape)}});
}

Term slice(const Term &x, int64_t axis, int64_t start, int64_t count, int64_t step) {
  if (start == 0 && step == 1 && count == x.size(static_cast<size_t>(axis))) return x;
  return apply_one("slice", {x},
                   {{"axis", axis}, {"start", start}, {"count", count}, {"step", step}});
}

Term concat(const std::vector<Term> &parts, int64_t axis) {
  return parts.size() == 1 ? parts.front() : apply_one("concat", parts, {{"axis", axis}});
}

Term fill(OpBuilder &builder, const Shape &shape, double value, DType dtype) {
  const std::vector<ValueId> ids = builder.add(
      "fill", {},
      {{"shape", sizes_of(shape)}, {"value", value}, {"dtype", std::string(name_of(dtype))}});
  return {builder, ids.front()};
}

Term iota(OpBuilder &builder, const Shape &shape, int64_t axis, double start, double step,
          DType dtype) {
  const std::vector<ValueId> ids = builder.add("iota", {},
                                               {{"shape", sizes_of(shape)},
                                                {"axis", axis},
                                                {"start", start},
                                                {"step", step},
                                                {"dtype", std::string(name_of(dtype))}});
  return {builder, ids.front()};
}

Term gather(const Term &x, const Term &indices, int64_t axis) {
  return apply_one("gather", {x, indices}, {{"axis", axis}});
}

Term scatter_add(const Term &base, const Term &indices, const Term &updates, int64_t axis) {
  return apply_one("scatter_add", {base, indices, updates}, {{"axis", axis}});
}

Term flat_places(const Term &indices, const Shape &x, size_t axis) {
  int64_t outer = 1;
  int64_t inner = 1;
  for (size_t i = 0; i < axis; ++i) outer *= x[i];
  for (size_t i = axis + 1; i < x.rank(); ++i) inner *= x[i];
  const double row = static_cast<double>(x[axis] * inner);
  const Term wide = reshape(cast(indices, DType::kI64), {outer, indices.size(axis), inner});
  const Term rows = iota(indices.builder(), {outer, 1, 1}, 0, 0, row, DType::kI64);
  const Term columns = iota(indices.builder(), {1, 1, inner}, 2, 0, 1, DType::kI64);
  // An index outside must not reach another row.
  const std::string code = "ge x0 0; lt x0 " + std::to_string(x[axis]) + "; and t0 t1; mul x0 " +
                           std::to_string(inner) + "; add t3 x1; add t4 x2; where t2 t5 -1";
  return reshape(map(code, {wide, rows, columns}), indices.shape());
}

Axes axes_from(size_t first, size_t count) {
  Axes axes;
  for (size_t i = 0; i < count; ++i) axes.push_back(static_cast<int64_t>(first + i));
  return axes;
}

std::vector<int64_t> sizes_of(const Shape &shape) {
  return {shape.begin(), shape.end()};
}

Shape with_size(const Shape &shape, size_t axis, int64_t size) {
  std::vector<int64_t> sizes = sizes_of(shape);
  if (axis < sizes.size()) sizes[axis] = size;
  return Shape(sizes);
}

Shape without_axis(const Shape &shape, size_t axis) {
  std::vector<int64_t> sizes = sizes_of(shape);
  if (axis < sizes.size()) sizes.erase(sizes.begin() + static_cast<int64_t>(axis));
  return Shape(sizes);
}

Shape without_axes(const Shape &shape, const std::vector<int64_t> &axes, bool keep_dims) {
  std::vector<int64_t> sizes;
  for (size_t axis = 0; axis < shape.rank(); ++axis) {
    const bool gone = std::ranges::binary_search(axes, static_cast<int64_t>(axis));
    if (!gone || keep_dims) sizes.push_back(gone ? 1 : shape[axis]);
  }
  return Shape(sizes);
}

}  // namespace flame
