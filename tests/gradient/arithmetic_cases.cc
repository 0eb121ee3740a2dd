// Gradient cases of elementwise code, reductions and matrix products.
#include "core/ops/catalogue/scalar_derivatives.h"
#include "tests/gradient/gradient_case.h"

namespace flame::gradient_test {
namespace {

// Where a scalar function is defined and smooth, for each operand.
std::vector<Draw> domain_of(std::string_view name) {
  if (name == "log" || name == "sqrt" || name == "rsqrt") return {between(0.3, 2)};
  if (name == "log1p") return {between(-0.5, 2)};
  if (name == "pow") return {between(0.3, 2), normal()};
  if (name == "div") return {normal(), away_from_zero(0.5)};
  if (name == "reciprocal") return {away_from_zero(0.5)};
  if (name == "mod") return {between(2.2, 2.8), between(0.9, 1.05)};
  if (name == "clamp") return {normal(), between(-1.1, -0.9), between(0.9, 1.1)};
  if (name == "min" || name == "max") return {between(-1, 1), between(-1, 1)};
  if (name == "where") return {away_from_zero(), normal(), normal()};
  const bool kinked = name == "abs" || name == "relu" || name == "leaky_relu" || name == "elu";
  if (kinked) return {away_from_zero(), between(0.1, 0.9)};
  return {normal(), normal(), normal()};
}

bool has_derivative(const ScalarFunction &function) {
  for (uint32_t i = 0; i < function.arity; ++i) {
    if (!derivative_of(function, i).zero) return true;
  }
  return false;
}

GradientCase scalar_case(const ScalarFunction &function) {
  return {"map", std::string(function.name),
          [&function](Sketch &s) {
            const std::vector<Draw> domain = domain_of(function.name);
            std::vector<Term> operands;
            std::string code(function.name);
            const bool where = function.rule == ScalarRule::kSelect;
            for (uint32_t i = 0; i < function.arity; ++i) {
              Term operand = s.input({7}, domain[i]);
              if (where && i == 0) operand = map("gt x0 0.0", {operand});
              operands.push_back(operand);
              code += " x" + std::to_string(i);
            }
            s.output(map(code, operands));
          },
          2};
}

}  // namespace

std::vector<GradientCase> arithmetic_cases() {
  std::vector<GradientCase> cases = {
      {"map", "a chain with two outputs",
       [](Sketch &s) {
         const auto made =
             map_many("mul x0 x1; silu t0; add t1 x2; exp t1 -> t2 t3",
                      {s.input({3, 4}), s.input({3, 4}), s.input({3, 4})}, {s.dtype(), s.dtype()});
         s.output(made[0]);
         s.output(made[1]);
       },
       2},
      {"map", "broadcast over new, repeated and empty shapes",
       [](Sketch &s) {
         s.output(
             map("mul x0 x1; add t0 x2", {s.input({2, 1, 3}), s.input({4, 1}), s.input(Shape())}));
         s.output(map("mul x0 x1", {s.input({1, 3}), s.input({0, 3})}));
       },
       2},
      {"map", "an input used twice and one as an output",
       [](Sketch &s) {
         const Term x = s.input({5});
         const auto made = map_many("mul x0 x1 -> t0 x0", {x, x}, {s.dtype(), s.dtype()});
         s.output(made[0]);
         s.output(made[1]);
       },
       2},
      {"map", "powers of 2, 1 and 0",
       [](Sketch &s) {
         s.output(map("pow x0 2; pow x0 1.0; pow x0 0; add t0 t1; add t2 t3", {s.input({6})}));
       }},
      {"matmul", "plain",
       [](Sketch &s) {
         s.output(matmul(s.input({3, 4}), s.input({4, 5})));
       },
       2},
      {"matmul", "both transposed",
       [](Sketch &s) {
         s.output(matmul(s.input({4, 3}), s.input({5, 4}), {true, true}));
       },
       2},
      {"matmul", "batched, first transposed, batch axes broadcast",
       [](Sketch &s) {
         s.output(matmul(s.input({2, 1, 4, 3}), s.input({3, 4, 2}), {true, false}));
       }},
      {"matmul", "second transposed and shared by the batch",
       [](Sketch &s) {
         s.output(matmul(s.input({2, 3, 4}), s.input({5, 4}), {false, true}));
       },
       2},
      {"matmul", "with an addend and strided operands",
       [](Sketch &s) {
         const Term a = permute(s.input({4, 3}), {1, 0});
         const Term b = slice(s.input({4, 9}), 1, 8, 5, -2);
         s.output(apply_one("matmul", {a, b, s.input({3, 5})}));
       }},
      {"matmul", "an empty sum",
       [](Sketch &s) {
         s.output(matmul(s.input({3, 0}), s.input({0, 5})));
       }},
      {"reduce", "sum of two axes",
       [](Sketch &s) {
         s.output(sum(s.input({2, 3, 4}), {0, 2}));
       },
       2},
      {"reduce", "mean, axes kept",
       [](Sketch &s) {
         s.output(mean(s.input({2, 3, 4}), {-1}, true));
       },
       2},
      {"reduce", "max",
       [](Sketch &s) {
         s.output(reduce("max", s.distinct({3, 5}), {1}));
       }},
      {"reduce", "min of all",
       [](Sketch &s) {
         s.output(reduce("min", s.distinct({3, 5}), {0, 1}));
       }},
      {"reduce", "prod",
       [](Sketch &s) {
         s.output(reduce("prod", s.input({2, 3, 2, 2}), {1, 3}));
       },
       2},
      {"reduce", "prod with a zero, axes kept",
       [](Sketch &s) {
         const Term zero = s.constant({s.dtype(), {2, 3}}, {1, 0, 1, 1, 1, 1});
         s.output(reduce("prod", s.input({2, 3}) * zero, {1}, true));
       }},
      {"reduce", "sum of nothing",
       [](Sketch &s) {
         s.output(sum(s.input({2, 0}), {1}));
       }},
      {"reduce", "no axes",
       [](Sketch &s) {
         s.output(reduce("mean", s.input({2, 3}), {}));
       }},
  };
  for (const ScalarFunction &function : kScalarFunctions) {
    if (has_derivative(function)) cases.push_back(scalar_case(function));
  }
  return cases;
}

}  // namespace flame::gradient_test
