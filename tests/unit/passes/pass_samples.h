// Programs, targets and comparisons that the tests of passes share.
#pragma once

#include <gmock/gmock.h>

#include <cmath>
#include <random>
#include <set>

#include "core/ops/catalogue/catalogue.h"
#include "core/ops/catalogue/terms.h"
#include "core/passes/differentiate.h"
#include "core/passes/target.h"
#include "core/program/print.h"
#include "core/program/program_builder.h"
#include "tests/support/evaluate.h"

namespace flame::pass_test {

// A device that can do every op but those of a list, or none but the required ones.
class ListTarget final : public Target {
 public:
  static ListTarget all_but(std::set<std::string> refused) { return {false, std::move(refused)}; }
  static ListTarget required_alone() { return {true, {}}; }

  std::string_view name() const override { return "list"; }
  Result<OpAnswer> probe(std::string_view op, const Attributes &, std::span<const TypedView> inputs,
                         std::span<const TypedView>) override {
    ++questions;
    const bool optional = find_op(op)->group == OpGroup::kOptional;
    const std::vector<OperandSpec> &operands = find_op(op)->inputs;
    const bool whole = !operands.empty() && inputs.size() == operands.size();
    const bool addend = whole && operands.back().name == "addend" && refused_.contains("addend");
    if ((required_alone_ && optional) || addend || refused_.contains(std::string(op)))
      return OpAnswer{{}, "it is on the list"};
    return OpAnswer{OpInfo{}, {}};
  }
  Result<OpInfo> prepare(std::string_view, const Attributes &, std::span<const TypedView>,
                         std::span<const TypedView>) override {
    return OpInfo{};
  }

  size_t questions = 0;

 private:
  ListTarget(bool required_alone, std::set<std::string> refused)
      : required_alone_(required_alone), refused_(std::move(refused)) {}

  bool required_alone_;
  std::set<std::string> refused_;
};

// Attention over itself, and a gated feed-forward part, with norms and residuals:
// x is [batch, places, channels].
inline Term transformer_block(ProgramBuilder &builder, Term x, int64_t heads, bool trainable) {
  const int64_t width = x.size(2);
  const DType dtype = x.dtype();
  const auto weight = [&](const std::string &name, const Shape &shape) {
    return builder.term(builder.parameter(name, {dtype, shape}, trainable));
  };
  const auto norm = [&](const std::string &name, const Term &term) {
    return apply("layer_norm",
                 {term, weight(name + ".weight", {width}), weight(name + ".bias", {width})})[0];
  };
  const auto heads_of = [&](const std::string &name, const Term &term) {
    return reshape(apply_one("linear", {term, weight(name + ".weight", {width, width})}),
                   {x.size(0), x.size(1), heads, width / heads});
  };
  const Term n = norm("norm1", x);
  const Term attended =
      apply("attention", {heads_of("to_q", n), heads_of("to_k", n), heads_of("to_v", n)},
            {{"scale", 1 / std::sqrt(static_cast<double>(width / heads))}})[0];
  const Term out =
      apply_one("linear", {reshape(attended, x.shape()), weight("to_out.weight", {width, width})}) +
      weight("to_out.bias", {width});
  x = x + out;
  const Term wide = apply_one("linear", {norm("norm2", x), weight("up.weight", {8 * width, width}),
                                         weight("up.bias", {8 * width})});
  const Term down =
      apply_one("linear", {apply_one("geglu", {wide}), weight("down.weight", {width, 4 * width}),
                           weight("down.bias", {width})});
  return x + down;
}

// Two convolutions with norms before them, a time embedding between and a residual: x is
// [n, h, w, c].
inline Term residual_block(ProgramBuilder &builder, const Term &x, const Term &time,
                           bool trainable) {
  const int64_t channels = x.size(3);
  const DType dtype = x.dtype();
  const auto weight = [&](const std::string &name, const Shape &shape) {
    return builder.term(builder.parameter(name, {dtype, shape}, trainable));
  };
  const auto conv = [&](const std::string &name, const Term &term) {
    const Term normal = apply(
        "group_norm",
        {term, weight(name + ".norm.weight", {channels}), weight(name + ".norm.bias", {channels})},
        {{"groups", int64_t{2}}})[0];
    return apply_one(
        "conv2d",
        {apply_one("silu", {normal}), weight(name + ".weight", {channels, 3, 3, channels}),
         weight(name + ".bias", {channels})},
        {{"padding", Axes{1, 1, 1, 1}}});
  };
  const Term shift = apply_one(
      "linear", {apply_one("silu", {time}), weight("time.weight", {channels, time.size(1)}),
                 weight("time.bias", {channels})});
  const Term first = conv("conv1", x) + reshape(shift, {x.size(0), 1, 1, channels});
  return x + conv("conv2", first);
}

// A program with the scalar output "loss", the mean square of `y`.
inline Program with_loss(ProgramBuilder &builder, const Term &y) {
  builder.output("loss", mean(map("square x0", {y}), axes_from(0, y.rank())).id());
  Result<Program> program = builder.finish();
  EXPECT_TRUE(program.ok()) << program.error().text();
  return *program;
}

inline Program transformer_program(DType dtype = DType::kF64, bool trainable = true,
                                   Shape shape = {2, 5, 8}) {
  ProgramBuilder builder;
  const Term x = builder.term(builder.input("x", {dtype, shape}));
  return with_loss(builder, transformer_block(builder, x, 2, trainable));
}

inline Program residual_program(DType dtype = DType::kF64, bool trainable = true) {
  ProgramBuilder builder;
  const Term x = builder.term(builder.input("x", {dtype, {2, 4, 4, 6}}));
  const Term time = builder.term(builder.input("time", {dtype, {2, 3}}));
  return with_loss(builder, residual_block(builder, x, time, trainable));
}

// The gradients of "loss" with respect to all parameters.
inline Program with_gradients(const Program &program) {
  GradientRequest request{{"loss"}, {}};
  for (const Parameter &parameter : program.parameters())
    if (parameter.trainable) request.with_respect_to.push_back(parameter.name);
  Result<Gradients> gradients = differentiate(program, request);
  EXPECT_TRUE(gradients.ok()) << gradients.error().text();
  return gradients->program;
}

inline size_t count_ops(const Program &program, std::string_view op) {
  size_t count = 0;
  for (const Node &node : program.nodes()) count += node.op->name == op;
  return count;
}

// Random data for every input and parameter that has none yet; integers are 0 to 3.
inline TensorMap data_for(const Program &program, TensorMap data = {}) {
  std::mt19937_64 random(7);
  std::normal_distribution<double> normal(0, 0.5);
  const auto add = [&](const std::string &name, ValueId value) {
    if (data.contains(name)) return;
    const TensorType &type = program.type(value);
    std::vector<double> numbers(static_cast<size_t>(type.shape.element_count()));
    for (double &number : numbers)
      number = is_float(type.dtype) ? normal(random) : static_cast<double>(random() % 4);
    data[name] = testing_support::tensor_of(type, numbers);
  };
  for (const NamedValue &input : program.inputs()) add(input.name, input.value);
  for (const Parameter &parameter : program.parameters()) add(parameter.name, parameter.value);
  return data;
}

// The largest ‖a - b‖ / (‖b‖ + 1e-9) of an output of both, on the same data.
inline double distance(const Program &changed, const Program &original,
                       const TensorMap &given = {}) {
  EXPECT_TRUE(validate(changed).ok()) << validate(changed).error().text();
  const TensorMap data = data_for(original, given);
  const Result<TensorMap> left = testing_support::evaluate(changed, data);
  const Result<TensorMap> right = testing_support::evaluate(original, data);
  if (!left.ok() || !right.ok()) {
    ADD_FAILURE() << (left.ok() ? right.error().text() : left.error().text());
    return INFINITY;
  }
  EXPECT_EQ(left->size(), right->size());
  double worst = 0;
  for (const auto &[name, tensor] : *right) {
    EXPECT_EQ(left->at(name).type, tensor.type) << name;
    const std::vector<double> a = testing_support::numbers_of(left->at(name));
    const std::vector<double> b = testing_support::numbers_of(tensor);
    double error = 0;
    double size = 0;
    for (size_t i = 0; i < b.size(); ++i) {
      if (a[i] == b[i] || (std::isnan(a[i]) && std::isnan(b[i]))) continue;
      error += (a[i] - b[i]) * (a[i] - b[i]);
      size += b[i] * b[i];
    }
    worst = std::max(worst, error == 0 ? 0 : std::sqrt(error) / (std::sqrt(size) + 1e-9));
  }
  return worst;
}

}  // namespace flame::pass_test
