#include "tests/gradient/gradient_case.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/passes/differentiate.h"

namespace flame::gradient_test {

using testing_support::evaluate;
using testing_support::numbers_of;
using testing_support::tensor_of;

Draw normal() {
  return [](std::mt19937_64 &random) { return std::normal_distribution<double>()(random); };
}

Draw between(double low, double high) {
  return [=](std::mt19937_64 &random) {
    return std::uniform_real_distribution<double>(low, high)(random);
  };
}

Draw away_from_zero(double gap) {
  return [=](std::mt19937_64 &random) {
    const double size = std::uniform_real_distribution<double>(gap, gap + 1.5)(random);
    return std::bernoulli_distribution()(random) ? size : -size;
  };
}

Term Sketch::add(const TensorType &type, const std::vector<double> &numbers) {
  const std::string name = "x" + std::to_string(data_.size());
  data_[name] = tensor_of(type, numbers);
  return builder_.term(builder_.input(name, type));
}

Term Sketch::wanted(DType dtype, const Shape &shape, const Draw &draw) {
  std::vector<double> numbers(static_cast<size_t>(shape.element_count()));
  for (double &number : numbers) number = draw(random_);
  wanted_.push_back("x" + std::to_string(data_.size()));
  return add({dtype, shape}, numbers);
}

Term Sketch::input(const Shape &shape, const Draw &draw) {
  return wanted(dtype_, shape, draw);
}

Term Sketch::statistics(const Shape &shape) {
  return wanted(compute_dtype(dtype_), shape, normal());
}

Term Sketch::distinct(const Shape &shape) {
  std::vector<double> numbers(static_cast<size_t>(shape.element_count()));
  std::iota(numbers.begin(), numbers.end(), -0.5 * static_cast<double>(numbers.size()));
  std::ranges::shuffle(numbers, random_);
  for (double &number : numbers) number = 0.2 * number + between(0, 0.05)(random_);
  wanted_.push_back("x" + std::to_string(data_.size()));
  return add({dtype_, shape}, numbers);
}

Term Sketch::constant(const TensorType &type, const std::vector<double> &numbers) {
  return add(type, numbers);
}

Term Sketch::indices(const Shape &shape, int64_t limit) {
  std::vector<double> numbers(static_cast<size_t>(shape.element_count()));
  for (double &number : numbers) {
    number = static_cast<double>(std::uniform_int_distribution<int64_t>(0, limit - 1)(random_));
  }
  return add({DType::kI64, shape}, numbers);
}

void Sketch::output(const Term &term) {
  outputs_.push_back("y" + std::to_string(outputs_.size()));
  builder_.output(outputs_.back(), term.id());
}

namespace {

constexpr int kDirections = 16;
constexpr double kStep = 3e-5;

std::vector<double> random_numbers(size_t count, std::mt19937_64 &random) {
  std::vector<double> numbers(count);
  for (double &number : numbers) number = normal()(random);
  return numbers;
}

double dot(const std::vector<double> &a, const std::vector<double> &b) {
  return std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
}

// Σ over the outputs of cotangent · output.
Result<double> weighted_sum(const Program &program, const TensorMap &data,
                            const std::vector<std::string> &outputs, const TensorMap &cotangents) {
  FLAME_ASSIGN(const TensorMap answers, evaluate(program, data));
  double total = 0;
  for (const std::string &name : outputs) {
    total += dot(numbers_of(answers.at(name)), numbers_of(cotangents.at("cotangent." + name)));
  }
  return total;
}

// One level: the gradient of `of` with respect to `wanted` against differences along directions.
// `gradient` becomes the program of the gradient, and its data is in `data`.
Result<double> check_level(const Program &program, TensorMap &data,
                           const std::vector<std::string> &of,
                           const std::vector<std::string> &wanted, const std::string &prefix,
                           std::mt19937_64 &random, const PlantedBug &bug, Gradients &gradient) {
  Program differentiated = program;
  if (bug.before) {
    FLAME_ASSIGN(differentiated, bug.before(program));
  }
  FLAME_ASSIGN(gradient, differentiate(differentiated, {of, wanted, false, prefix}));
  if (bug.after) {
    FLAME_ASSIGN(gradient.program, bug.after(program, gradient));
  }
  FLAME_TRY(validate(gradient.program));
  TensorMap cotangents;
  for (const std::string &name : of) {
    const TensorType &type = program.type(program.find_output(name)->value);
    cotangents["cotangent." + name] =
        tensor_of(type, random_numbers(static_cast<size_t>(type.shape.element_count()), random));
  }
  const TensorMap before = data;
  data.insert(cotangents.begin(), cotangents.end());
  FLAME_ASSIGN(const TensorMap answers, evaluate(gradient.program, data));

  double error = 0;
  double size = 0;
  for (int k = 0; k < kDirections; ++k) {
    double analytic = 0;
    TensorMap above = before;
    TensorMap below = before;
    for (const std::string &name : wanted) {
      const std::vector<double> at = numbers_of(before.at(name));
      const std::vector<double> direction = random_numbers(at.size(), random);
      analytic += dot(numbers_of(answers.at(prefix + name)), direction);
      std::vector<double> up = at;
      std::vector<double> down = at;
      for (size_t i = 0; i < at.size(); ++i) {
        up[i] += kStep * direction[i];
        down[i] -= kStep * direction[i];
      }
      above[name] = tensor_of(before.at(name).type, up);
      below[name] = tensor_of(before.at(name).type, down);
    }
    FLAME_ASSIGN(const double high, weighted_sum(program, above, of, cotangents));
    FLAME_ASSIGN(const double low, weighted_sum(program, below, of, cotangents));
    const double numeric = (high - low) / (2 * kStep);
    error += (numeric - analytic) * (numeric - analytic);
    size += numeric * numeric;
    if (std::isnan(analytic) || std::isnan(numeric)) return std::nan("");
  }
  return error == 0 ? 0.0 : std::sqrt(error / size);
}

}  // namespace

uint64_t seed_of(const GradientCase &c) {
  return std::hash<std::string>()(c.op + c.name);
}

Result<double> check_case(const GradientCase &c, const PlantedBug &bug) {
  Sketch sketch(seed_of(c));
  c.write(sketch);
  FLAME_ASSIGN(const Program program, sketch.program_builder().finish());
  const bool used =
      std::ranges::any_of(program.nodes(), [&](const Node &node) { return node.op->name == c.op; });
  if (!used) return plugin_error("the case does not use its op");
  TensorMap data = sketch.data();
  Gradients first;
  FLAME_ASSIGN(const double worst, check_level(program, data, sketch.outputs(), sketch.wanted(),
                                               "gradient.", sketch.random(), bug, first));
  if (c.order == 1) return worst;
  std::vector<std::string> of;
  std::vector<std::string> wanted = sketch.wanted();
  for (const std::string &name : wanted) of.push_back("gradient." + name);
  for (const std::string &name : sketch.outputs()) wanted.push_back("cotangent." + name);
  Gradients second;
  FLAME_ASSIGN(const double worst_second, check_level(first.program, data, of, wanted, "second.",
                                                      sketch.random(), {}, second));
  return std::isnan(worst_second) ? worst_second : std::max(worst, worst_second);
}

}  // namespace flame::gradient_test
