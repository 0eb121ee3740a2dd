// map: the code's value for the inputs' elements at each place.
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "backends/reference/elements.h"
#include "backends/reference/kernel.h"

namespace flame::reference {
namespace {

// The functions of floats, computed in T.
template <typename T>
T float_function(std::string_view name, T a, T b) {
  constexpr T half = T(0.5);
  if (name == "div") return a / b;
  if (name == "reciprocal") return 1 / a;
  if (name == "pow") return std::pow(a, b);
  if (name == "sqrt") return std::sqrt(a);
  if (name == "rsqrt") return 1 / std::sqrt(a);
  if (name == "exp") return std::exp(a);
  if (name == "expm1") return std::expm1(a);
  if (name == "log") return std::log(a);
  if (name == "log1p") return std::log1p(a);
  if (name == "sin") return std::sin(a);
  if (name == "cos") return std::cos(a);
  if (name == "tanh") return std::tanh(a);
  if (name == "erf") return std::erf(a);
  if (name == "sigmoid") return 1 / (1 + std::exp(-a));
  if (name == "softplus")
    return std::fmax(a, T(0)) + std::log1p(std::exp(-std::fabs(a))) + (std::isnan(a) ? a : T(0));
  if (name == "relu") return a > 0 || std::isnan(a) ? a : T(0);
  if (name == "leaky_relu") return a > 0 ? a : a * b;
  if (name == "elu") return a > 0 ? a : b * std::expm1(a);
  if (name == "silu") return a / (1 + std::exp(-a));
  if (name == "gelu") return half * a * (1 + std::erf(a * T(0.70710678118654752440)));
  if (name == "gelu_tanh") {
    return half * a * (1 + std::tanh(T(0.79788456080286535588) * (a + T(0.044715) * a * a * a)));
  }
  if (name == "quick_gelu") return a / (1 + std::exp(T(-1.702) * a));
  return a * std::tanh(float_function<T>("softplus", a, b));  // mish
}

template <typename T>
T float_arithmetic(std::string_view name, T a, T b, T c) {
  const bool unordered = std::isnan(a) || std::isnan(b);
  const T nan = std::numeric_limits<T>::quiet_NaN();
  if (name == "add") return a + b;
  if (name == "sub") return a - b;
  if (name == "mul") return a * b;
  if (name == "neg") return -a;
  if (name == "abs") return std::fabs(a);
  if (name == "sign") return std::isnan(a) ? a : a > 0 ? T(1) : a < 0 ? T(-1) : T(0);
  if (name == "square") return a * a;
  if (name == "min") return unordered ? nan : b < a ? b : a;
  if (name == "max") return unordered ? nan : b > a ? b : a;
  if (name == "clamp") return float_arithmetic<T>("min", float_arithmetic<T>("max", a, b, c), c, c);
  if (name == "floor") return std::floor(a);
  if (name == "ceil") return std::ceil(a);
  if (name == "round") return std::nearbyint(a);
  if (name == "floor_div") return std::floor(a / b);
  const T rest = std::fmod(a, b);  // mod
  return rest != 0 && std::signbit(rest) != std::signbit(b) ? rest + b : rest;
}

int64_t integer_arithmetic(std::string_view name, int64_t a, int64_t b, int64_t c) {
  const auto wide = [](int64_t value) { return static_cast<uint64_t>(value); };
  if (name == "add") return static_cast<int64_t>(wide(a) + wide(b));
  if (name == "sub") return static_cast<int64_t>(wide(a) - wide(b));
  if (name == "mul") return static_cast<int64_t>(wide(a) * wide(b));
  if (name == "neg") return static_cast<int64_t>(0 - wide(a));
  if (name == "abs") return a < 0 ? static_cast<int64_t>(0 - wide(a)) : a;
  if (name == "sign") return a > 0 ? 1 : a < 0 ? -1 : 0;
  if (name == "square") return static_cast<int64_t>(wide(a) * wide(a));
  if (name == "min") return b < a ? b : a;
  if (name == "max") return b > a ? b : a;
  if (name == "clamp") return integer_arithmetic("min", integer_arithmetic("max", a, b, c), c, c);
  if (name == "floor" || name == "ceil" || name == "round") return a;
  if (b == 0) return 0;
  if (b == -1) return name == "mod" ? 0 : static_cast<int64_t>(0 - wide(a));
  const int64_t rest = a % b;
  const bool uneven = rest != 0 && (rest < 0) != (b < 0);
  if (name == "mod") return uneven ? rest + b : rest;
  return a / b - (uneven ? 1 : 0);  // floor_div
}

template <typename T>
bool compared(std::string_view name, T a, T b) {
  if (name == "eq") return a == b;
  if (name == "ne") return a != b;
  if (name == "lt") return a < b;
  if (name == "le") return a <= b;
  if (name == "gt") return a > b;
  return a >= b;
}

bool logical(std::string_view name, bool a, bool b) {
  if (name == "and") return a && b;
  return name == "or" ? a || b : !a;
}

Element converted(const Element &element, ScalarClass to) {
  if (element.type == to) return element;
  if (to == ScalarClass::kFloat) return element_of(as_number(element));
  return to == ScalarClass::kInteger ? element_of(as_integer(element))
                                     : element_of(as_truth(element));
}

// One instruction; `joined` is the class its operands are brought to.
template <typename T>
Element evaluated(const ScalarFunction &function, ScalarClass joined, const Element (&given)[3]) {
  Element operands[3];
  for (uint32_t i = 0; i < 3; ++i) operands[i] = converted(given[i], joined);
  const auto &[a, b, c] = operands;
  const auto number = [](const Element &element) { return static_cast<T>(element.number); };
  const bool floats = joined == ScalarClass::kFloat;
  switch (function.rule) {
    case ScalarRule::kFloat:
      return element_of(
          static_cast<double>(float_function<T>(function.name, number(a), number(b))));
    case ScalarRule::kComparison:
      return element_of(floats ? compared(function.name, number(a), number(b))
                               : compared(function.name, a.integer, b.integer));
    case ScalarRule::kLogical:
      return element_of(logical(function.name, a.integer != 0, b.integer != 0));
    case ScalarRule::kSelect:
      return as_truth(given[0]) ? b : c;
    case ScalarRule::kArithmetic:
      break;
  }
  if (!floats)
    return element_of(integer_arithmetic(function.name, a.integer, b.integer, c.integer));
  return element_of(
      static_cast<double>(float_arithmetic<T>(function.name, number(a), number(b), number(c))));
}

template <typename T>
void run(const flame_op &op, const MapCode &code) {
  std::vector<ScalarClass> input_classes;
  for (uint32_t i = 0; i < op.input_count; ++i)
    input_classes.push_back(class_of_dtype(op.inputs[i]->dtype));
  const std::vector<ScalarClass> classes = result_classes(code, input_classes);
  const flame_tensor &shape = *op.outputs[0];
  for_each_index(shape, [&](const Index &index) {
    std::vector<Element> inputs;
    for (uint32_t i = 0; i < op.input_count; ++i) {
      const flame_tensor &x = *op.inputs[i];
      Index place(index.end() - x.rank, index.end());
      for (uint32_t axis = 0; axis < x.rank; ++axis) {
        if (x.shape[axis] == 1) place[axis] = 0;
      }
      Element element = load(x, place);
      element.number = static_cast<T>(element.number);
      inputs.push_back(element);
    }
    std::vector<Element> results;
    const auto value = [&](const MapOperand &operand) {
      if (operand.kind == MapOperand::Kind::kInput) return inputs[operand.index];
      if (operand.kind == MapOperand::Kind::kResult) return results[operand.index];
      if (operand.kind == MapOperand::Kind::kInteger) return element_of(operand.integer);
      return element_of(static_cast<double>(static_cast<T>(operand.number)));
    };
    for (const MapInstruction &instruction : code.instructions) {
      Element operands[3];
      for (uint32_t k = 0; k < instruction.function->arity; ++k)
        operands[k] = value(instruction.operands[k]);
      const ScalarClass joined = joined_class(instruction, input_classes, classes);
      results.push_back(evaluated<T>(*instruction.function, joined, operands));
    }
    for (uint32_t k = 0; k < op.output_count; ++k)
      store(*op.outputs[k], index, value(code.outputs[k]));
  });
}

}  // namespace

void run_map(const flame_op &op) {
  MapCode code;
  std::string error;
  if (!read_map_code(text_attribute(op, "code"), op.input_count, code, error)) return;
  bool wide = false;
  for (uint32_t i = 0; i < op.input_count; ++i) wide = wide || is_double(op.inputs[i]->dtype);
  for (uint32_t i = 0; i < op.output_count; ++i) wide = wide || is_double(op.outputs[i]->dtype);
  wide ? run<double>(op, code) : run<float>(op, code);
}

}  // namespace flame::reference
