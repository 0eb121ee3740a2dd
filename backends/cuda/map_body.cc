#include "backends/cuda/map_body.h"

#include <algorithm>
#include <cstring>

#include "backends/cuda/kernel_source.h"
#include "flame/tensor.hpp"

namespace flame::cuda {
namespace {

// Bits, so that no digit is lost and infinities need no name.
std::string float_text(double number, bool in_double) {
  if (in_double) {
    uint64_t bits = 0;
    std::memcpy(&bits, &number, sizeof bits);
    return flame::text("__longlong_as_double(", bits, "ull)");
  }
  const auto narrow = static_cast<float>(number);
  uint32_t bits = 0;
  std::memcpy(&bits, &narrow, sizeof bits);
  return flame::text("__int_as_float(", bits, "u)");
}

std::string operand_text(const MapOperand &operand, bool in_double) {
  switch (operand.kind) {
    case MapOperand::Kind::kInput:
      return flame::text("v_x", operand.index);
    case MapOperand::Kind::kResult:
      return flame::text("t", operand.index);
    case MapOperand::Kind::kInteger:
      return flame::text("(long long)", static_cast<uint64_t>(operand.integer), "ull");
    case MapOperand::Kind::kFloat:
      break;
  }
  return float_text(operand.number, in_double);
}

std::string converted(const std::string &text, ScalarClass from, ScalarClass to) {
  if (from == to) return text;
  if (to == ScalarClass::kFloat) return "(Real)" + text;
  return (to == ScalarClass::kInteger ? "as_integer(" : "as_truth(") + text + ")";
}

// Names that mean something else in C++.
std::string function_name(std::string_view name) {
  if (name == "and") return "both";
  if (name == "or") return "either";
  return name == "not" ? "opposite" : std::string(name);
}

const char *functions_of(ScalarClass joined) {
  if (joined == ScalarClass::kFloat) return "Floats<Real>::";
  return joined == ScalarClass::kInteger ? "Integers::" : "Truths::";
}

}  // namespace

ScalarClass class_of_dtype(flame_dtype dtype) {
  if (dtype == FLAME_DTYPE_BOOL) return ScalarClass::kBool;
  const bool integer =
      dtype == FLAME_DTYPE_I64 || dtype == FLAME_DTYPE_I32 || dtype == FLAME_DTYPE_U8;
  return integer ? ScalarClass::kInteger : ScalarClass::kFloat;
}

const char *type_of_class(ScalarClass scalar_class) {
  if (scalar_class == ScalarClass::kFloat) return "Real";
  return scalar_class == ScalarClass::kInteger ? "long long" : "bool";
}

bool computes_in_double(const std::vector<flame_dtype> &inputs,
                        const std::vector<flame_dtype> &outputs) {
  const auto has = [](const std::vector<flame_dtype> &types) {
    return std::find(types.begin(), types.end(), FLAME_DTYPE_F64) != types.end();
  };
  return has(inputs) || has(outputs);
}

std::string map_body(const MapCode &code, const std::vector<flame_dtype> &inputs,
                     const std::vector<flame_dtype> &outputs,
                     const std::vector<std::string> &places) {
  const bool in_double = computes_in_double(inputs, outputs);
  std::vector<ScalarClass> classes;
  for (const flame_dtype dtype : inputs) classes.push_back(class_of_dtype(dtype));
  const std::vector<ScalarClass> results = result_classes(code, classes);
  std::string body;
  for (size_t i = 0; i < code.instructions.size(); ++i) {
    const MapInstruction &instruction = code.instructions[i];
    const ScalarFunction &function = *instruction.function;
    const ScalarClass joined = joined_class(instruction, classes, results);
    const auto operand = [&](uint32_t k, ScalarClass wanted) {
      const MapOperand &given = instruction.operands[k];
      return converted(operand_text(given, in_double), class_of(given, classes, results), wanted);
    };
    std::string value;
    if (function.rule == ScalarRule::kSelect) {
      value =
          operand(0, ScalarClass::kBool) + " ? " + operand(1, joined) + " : " + operand(2, joined);
    } else {
      value = functions_of(joined) + function_name(function.name) + "(";
      for (uint32_t k = 0; k < function.arity; ++k)
        value += (k == 0 ? "" : ", ") + operand(k, joined);
      value += ")";
    }
    body += flame::text("      const ", type_of_class(results[i]), " t", i, " = ", value, ";\n");
  }
  for (size_t k = 0; k < outputs.size(); ++k) {
    body += flame::text("      ", places[k], " = Store<", kernel_type(outputs[k]), ">::from(",
                        operand_text(code.outputs[k], in_double), ");\n");
  }
  return body;
}

}  // namespace flame::cuda
