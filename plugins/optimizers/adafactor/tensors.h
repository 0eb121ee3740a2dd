// The step of tensors of one shape, one behind the other: [count, …].
#pragma once

#include <vector>

#include "flame/plugin.hpp"

namespace adafactor {

struct Options {
  std::vector<double> eps = {1e-30, 1e-3};
  double clip_threshold = 1;
  double decay_rate = -0.8;
  double beta1 = 0;
  double weight_decay = 0;
  bool scale_parameter = true;
  bool relative_step = false;
  bool warmup_init = false;

  void describe(flame::OptionTable &table) {
    table
        .number("eps", eps,
                "Added to the square of the gradient, and the least size that a tensor counts "
                "with: two numbers.")
        .minimum(0);
    table
        .number("clip_threshold", clip_threshold,
                "The root of the mean square that the update of a tensor is scaled down to.")
        .above(0);
    table
        .number("decay_rate", decay_rate,
                "The power of the step by which old squares are forgotten.")
        .maximum(0);
    table
        .number("beta1", beta1,
                "How much of the mean update is kept; 0 keeps none, and needs no memory for it.")
        .range(0, 1);
    table
        .number("weight_decay", weight_decay,
                "Pulls parameters towards zero: a step takes off this much of them times its "
                "size.")
        .minimum(0)
        .alias("wd");
    table.flag("scale_parameter", scale_parameter,
               "Steps are relative to the size of each tensor.");
    table.flag("relative_step", relative_step,
               "The step's size follows from its number, and the learning rate does not count.");
    table.flag("warmup_init", warmup_init, "Begins with small relative steps.");
  }
};

inline int64_t elements(const flame::Shape &shape) {
  int64_t count = 1;
  for (const int64_t size : shape) count *= size;
  return count;
}

// Tensors with two axes and more keep means over the last axis and over the one before it.
inline bool is_factored(const flame::Shape &shape) {
  return shape.size() >= 2;
}
inline flame::Shape row_shape(const flame::Shape &shape) {
  return flame::Shape(shape.begin(), shape.end() - 1);
}
inline flame::Shape column_shape(const flame::Shape &shape) {
  flame::Shape columns(shape.begin(), shape.end() - 2);
  columns.push_back(shape.back());
  return columns;
}
// Of the second moment of one tensor: its rows, then its columns; or its elements.
inline int64_t moment_size(const flame::Shape &shape) {
  if (!is_factored(shape)) return elements(shape);
  return elements(row_shape(shape)) + elements(column_shape(shape));
}

inline flame::Shape with_count(int64_t count, const flame::Shape &shape) {
  flame::Shape all = {count};
  all.insert(all.end(), shape.begin(), shape.end());
  return all;
}
inline flame::Value slice(const flame::Value &x, int64_t axis, int64_t start, int64_t count) {
  return flame::op("slice", {x}, {{"axis", axis}, {"start", start}, {"count", count}});
}
inline flame::Value joined(const std::vector<flame::Value> &parts, int64_t axis) {
  return parts.size() == 1 ? parts[0] : flame::concat(parts, axis);
}
// [count, …] with every axis but the first flattened.
inline flame::Value as_rows(const flame::Value &x) {
  const int64_t count = x.shape()[0];
  return flame::reshape(x, {count, elements(x.shape()) / count});
}
inline flame::Value mean_square_root(const flame::Value &x) {
  return flame::sqrt(flame::mean(flame::square(as_rows(x)), {1}));
}

// Scalars of the step.
struct StepSize {
  flame::Value kept;  // how much of the old squares stays
  flame::Value rate;
};

// What a step replaces. The mean is no value if none is kept; moment is [count, moment_size].
struct Tensors {
  flame::Value parameter, moment, mean;
};

// What the squares of the gradient become, and the gradient divided by their root.
struct Scaled {
  flame::Value moment, update;
};

inline Scaled scale_factored(const flame::Shape &shape, const flame::Value &kept,
                             const flame::Value &moment, const flame::Value &gradient,
                             const flame::Value &square) {
  const int64_t count = gradient.shape()[0];
  const auto last = static_cast<int64_t>(shape.size());
  const flame::Shape tall = with_count(count, row_shape(shape));
  const flame::Shape wide = with_count(count, column_shape(shape));
  const int64_t row_count = elements(row_shape(shape));
  const flame::Value old_rows = flame::reshape(slice(moment, 1, 0, row_count), tall);
  const flame::Value old_columns =
      flame::reshape(slice(moment, 1, row_count, elements(column_shape(shape))), wide);
  const flame::Value rows = old_rows * kept + flame::mean(square, {last}) * (1.0 - kept);
  const flame::Value columns = old_columns * kept + flame::mean(square, {last - 1}) * (1.0 - kept);
  const flame::Value row_factor = flame::rsqrt(rows / flame::mean(rows, {last - 1}, true));
  flame::Shape tall_each = tall, wide_each = with_count(count, shape);
  tall_each.push_back(1);
  wide_each[wide_each.size() - 2] = 1;
  return {flame::concat({as_rows(rows), as_rows(columns)}, 1),
          gradient * (flame::reshape(row_factor, tall_each) *
                      flame::reshape(flame::rsqrt(columns), wide_each))};
}

inline Scaled scale(const flame::Shape &shape, const flame::Value &kept, const flame::Value &moment,
                    const flame::Value &gradient, double eps) {
  const flame::Value square = flame::square(gradient) + eps;
  if (is_factored(shape)) return scale_factored(shape, kept, moment, gradient, square);
  const flame::Value fresh = moment * kept + as_rows(square) * (1.0 - kept);
  return {fresh, gradient * flame::reshape(flame::rsqrt(fresh), gradient.shape())};
}

inline Tensors step(const Options &options, const StepSize &size, const flame::Shape &shape,
                    const Tensors &old, const flame::Value &gradient) {
  const int64_t count = gradient.shape()[0];
  const auto [moment, scaled] = scale(shape, size.kept, old.moment, gradient, options.eps[0]);
  const flame::Value too_large = mean_square_root(scaled) / options.clip_threshold;
  flame::Value rates = size.rate;
  if (options.scale_parameter) {
    rates = rates * flame::max(mean_square_root(old.parameter), options.eps[1]);
  }
  const auto each = [&](const flame::Value &x) {  // [count] for the elements of each tensor
    return x.rank() == 0 ? x : flame::reshape(x, with_count(count, flame::Shape(shape.size(), 1)));
  };
  Tensors made = {old.parameter, moment, {}};
  flame::Value update = scaled * each(rates / flame::max(too_large, 1.0));
  if (old.mean) {
    update = options.beta1 * old.mean + (1 - options.beta1) * update;
    made.mean = as_rows(update);
  }
  if (options.weight_decay != 0) {
    made.parameter = made.parameter * (1.0 - options.weight_decay * each(rates));
  }
  made.parameter = as_rows(made.parameter - update);
  return made;
}

}  // namespace adafactor
