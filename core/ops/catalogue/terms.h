// The ops as functions of terms, for gradient rules and decompositions.
#pragma once

#include <initializer_list>
#include <string>

#include "core/ops/catalogue/op_builder.h"

namespace flame {

using Axes = std::vector<int64_t>;

// Any op; `inputs` holds at least one term, and empty terms at the end are left out.
std::vector<Term> apply(std::string_view op, const std::vector<Term> &inputs,
                        Attributes attributes = {});
Term apply_one(std::string_view op, const std::vector<Term> &inputs, Attributes attributes = {});

// Elementwise code over the inputs x0, x1, …; see flame/map_code.hpp.
Term map(std::string code, const std::vector<Term> &inputs);
Term map(std::string code, const std::vector<Term> &inputs, DType dtype);
std::vector<Term> map_many(std::string code, const std::vector<Term> &inputs,
                           const std::vector<DType> &dtypes);

Term operator+(const Term &a, const Term &b);
Term operator-(const Term &a, const Term &b);
Term operator*(const Term &a, const Term &b);
Term operator/(const Term &a, const Term &b);
Term operator+(const Term &a, double b);
Term operator*(const Term &a, double b);
Term operator-(const Term &a);

// x itself if it has that type already.
Term cast(const Term &x, DType dtype);

Term sum(const Term &x, const Axes &axes, bool keep_dims = false);
Term mean(const Term &x, const Axes &axes, bool keep_dims = false);
Term reduce(std::string_view kind, const Term &x, const Axes &axes, bool keep_dims = false);
// The same with the answer in the type that floats are computed in: f32 for bf16.
Term reduce_wide(std::string_view kind, const Term &x, const Axes &axes);  // keeps the axes
// Adds up the axes over which `shape` was broadcast to x's; x itself if there are none.
Term sum_to(const Term &x, const Shape &shape);

struct MatmulFlags {
  bool transpose_a = false;
  bool transpose_b = false;
};
Term matmul(const Term &a, const Term &b, MatmulFlags flags = {});

// Each gives x itself if nothing changes.
Term reshape(const Term &x, const Shape &shape);
Term permute(const Term &x, const Axes &axes);
Term broadcast_to(const Term &x, const Shape &shape);
Term slice(const Term &x, int64_t axis, int64_t start, int64_t count, int64_t step = 1);
Term concat(const std::vector<Term> &parts, int64_t axis);

Term fill(OpBuilder &builder, const Shape &shape, double value, DType dtype);
// start + step·i along `axis`.
Term iota(OpBuilder &builder, const Shape &shape, int64_t axis, double start, double step,
          DType dtype);
Term gather(const Term &x, const Term &indices, int64_t axis);
Term scatter_add(const Term &base, const Term &indices, const Term &updates, int64_t axis);

// For ops whose output 0 is a loss: all elements reduced by "mean" or "sum", or none of them.
Term reduce_loss(const Term &losses, std::string_view reduction);

// Where the elements x[…, indices[…], …] along `axis` stand among all elements of x in row-major
// order; -1 for an index outside. `indices` has the shape of x but for that axis.
Term flat_places(const Term &indices, const Shape &x, size_t axis);

// first, first + 1, …: `count` of them.
Axes axes_from(size_t first, size_t count);
std::vector<int64_t> sizes_of(const Shape &shape);
// `shape` with another size at one axis, or without one axis.
Shape with_size(const Shape &shape, size_t axis, int64_t size);
Shape without_axis(const Shape &shape, size_t axis);
// Without several axes, which rise, or with 1 there.
Shape without_axes(const Shape &shape, const std::vector<int64_t> &axes, bool keep_dims);

}  // namespace flame
