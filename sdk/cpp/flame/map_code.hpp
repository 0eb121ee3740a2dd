// The code of the op `map`: its reader and writer, for the host and for backends. C++17, header
// only.
//
//   code        = [instruction {";" instruction}] ["->" operand {operand}]
//   instruction = function operand…          as many as the function's arity
//   operand     = "x" number                 an input, counted from 0
//               | "t" number                 the result of an earlier instruction, counted from 0
//               | number                     a constant: 2 is an integer, 2.0 1e-5 inf nan are
//               floats
//
// Without "->" the last instruction's result is the only output. Words are separated by spaces.
// "mul x0 x1; silu t0; add t1 x2 -> t2 t0" has the outputs silu(x0·x1) + x2 and x0·x1.
#ifndef FLAME_MAP_CODE_HPP
#define FLAME_MAP_CODE_HPP

#include <charconv>
#include <cmath>
#include <string>
#include <string_view>
#include <vector>

#include "flame/scalar_functions.hpp"

namespace flame {

// bool < integer < float: the wider of two is what they join to.
enum class ScalarClass : uint8_t {
  kBool,
  kInteger,
  kFloat
};

struct MapOperand {
  enum class Kind : uint8_t {
    kInput,
    kResult,
    kInteger,
    kFloat
  };
  Kind kind = Kind::kInput;
  uint32_t index = 0;   // of the input or the result
  int64_t integer = 0;  // of kInteger
  double number = 0;    // of kFloat
};

struct MapInstruction {
  const ScalarFunction *function = nullptr;
  MapOperand operands[3];
};

struct MapCode {
  std::vector<MapInstruction> instructions;
  std::vector<MapOperand> outputs;  // kInput or kResult
};

inline constexpr size_t kMaxMapInstructions = 4096;
inline constexpr size_t kMaxMapOutputs = 64;

namespace map_code_detail {

struct Reader {
  std::string_view text;
  size_t place = 0;

  // The next word: ";" and "->" stand for themselves. Empty at the end.
  std::string_view next() {
    while (place < text.size() && text[place] == ' ') ++place;
    const size_t start = place;
    if (place == text.size()) return {};
    if (text[place] == ';') return text.substr(place++, 1);
    if (text.substr(place, 2) == "->") return place += 2, text.substr(start, 2);
    while (place < text.size() && text[place] != ' ' && text[place] != ';') ++place;
    return text.substr(start, place - start);
  }
};

template <typename T>
bool read_whole(std::string_view word, T &out) {
  const auto [end, code] = std::from_chars(word.data(), word.data() + word.size(), out);
  return code == std::errc{} && end == word.data() + word.size();
}

inline bool read_operand(std::string_view word, const std::vector<std::string_view> &input_names,
                         uint32_t input_count, size_t result_count, MapOperand &out) {
  out = {};
  for (size_t i = 0; i < input_names.size(); ++i) {
    if (word == input_names[i]) return out.index = static_cast<uint32_t>(i), true;
  }
  if (word.size() > 1 && (word[0] == 'x' || word[0] == 't') &&
      read_whole(word.substr(1), out.index)) {
    const bool input = word[0] == 'x';
    out.kind = input ? MapOperand::Kind::kInput : MapOperand::Kind::kResult;
    return input ? out.index < input_count : out.index < result_count;
  }
  if (read_whole(word, out.integer)) return out.kind = MapOperand::Kind::kInteger, true;
  out.kind = MapOperand::Kind::kFloat;
  return read_whole(word, out.number);
}

}  // namespace map_code_detail

// Reads `text` for a map of `input_count` inputs. On failure `error` says what is wrong and at
// which instruction. `input_names` gives the first inputs names of their own.
inline bool read_map_code(std::string_view text, uint32_t input_count, MapCode &code,
                          std::string &error,
                          const std::vector<std::string_view> &input_names = {}) {
  code = {};
  map_code_detail::Reader reader{text};
  const auto fail = [&](std::string_view what, std::string_view word) {
    error = "instruction " + std::to_string(code.instructions.size()) +
            " of the code: " + std::string(what) + " '" + std::string(word.substr(0, 40)) + "'";
    return false;
  };
  const auto operand = [&](std::string_view word, MapOperand &out) {
    return map_code_detail::read_operand(word, input_names, input_count, code.instructions.size(),
                                         out);
  };
  std::string_view word = reader.next();
  while (!word.empty() && word != "->") {
    MapInstruction instruction;
    instruction.function = find_scalar_function(word);
    if (!instruction.function) return fail("there is no scalar function", word);
    if (code.instructions.size() == kMaxMapInstructions)
      return fail("too many instructions at", word);
    for (uint32_t i = 0; i < instruction.function->arity; ++i) {
      word = reader.next();
      if (!operand(word, instruction.operands[i])) {
        return fail("expected an input, an earlier result or a number as operand, found", word);
      }
    }
    code.instructions.push_back(instruction);
    word = reader.next();
    if (word == ";") {
      word = reader.next();
      if (word.empty() || word == "->")
        return fail("expected a scalar function after ';', found", word);
    } else if (!word.empty() && word != "->") {
      return fail("expected ';', '->' or the end, found", word);
    }
  }
  if (word.empty()) {
    if (code.instructions.empty()) return error = "the code is empty", false;
    const auto last = static_cast<uint32_t>(code.instructions.size() - 1);
    code.outputs.push_back({MapOperand::Kind::kResult, last, 0, 0});
    return true;
  }
  for (word = reader.next(); !word.empty(); word = reader.next()) {
    MapOperand output;
    if (!operand(word, output) || output.kind > MapOperand::Kind::kResult) {
      return fail("expected an input or a result as output, found", word);
    }
    if (code.outputs.size() == kMaxMapOutputs) return fail("too many outputs at", word);
    code.outputs.push_back(output);
  }
  if (code.outputs.empty()) return error = "the code names no output after '->'", false;
  return true;
}

// The shortest text that reads back as the same number, and as a float.
inline std::string write_map_float(double number) {
  char text[40];
  const auto end = std::to_chars(text, text + sizeof(text), number).ptr;
  std::string result(text, end);
  if (std::isfinite(number) && result.find_first_of(".e") == std::string::npos) result += ".0";
  return result;
}

inline std::string write_map_operand(const MapOperand &operand) {
  std::string name;
  switch (operand.kind) {
    case MapOperand::Kind::kInput:
      return name.append(1, 'x').append(std::to_string(operand.index));
    case MapOperand::Kind::kResult:
      return name.append(1, 't').append(std::to_string(operand.index));
    case MapOperand::Kind::kInteger:
      return std::to_string(operand.integer);
    case MapOperand::Kind::kFloat:
      break;
  }
  return write_map_float(operand.number);
}

// The text that read_map_code reads back as the same code.
inline std::string write_map_code(const MapCode &code) {
  std::string text;
  for (const MapInstruction &instruction : code.instructions) {
    if (!text.empty()) text += "; ";
    text += instruction.function->name;
    for (uint32_t i = 0; i < instruction.function->arity; ++i) {
      text.append(1, ' ').append(write_map_operand(instruction.operands[i]));
    }
  }
  const bool plain = code.outputs.size() == 1 && !code.instructions.empty() &&
                     code.outputs[0].kind == MapOperand::Kind::kResult &&
                     code.outputs[0].index + 1 == code.instructions.size();
  if (plain) return text;
  text += text.empty() ? "->" : " ->";
  for (const MapOperand &output : code.outputs)
    text.append(1, ' ').append(write_map_operand(output));
  return text;
}

// The class of one operand, from those of the inputs and of the results so far.
inline ScalarClass class_of(const MapOperand &operand, const std::vector<ScalarClass> &inputs,
                            const std::vector<ScalarClass> &results) {
  switch (operand.kind) {
    case MapOperand::Kind::kInput:
      return inputs[operand.index];
    case MapOperand::Kind::kResult:
      return results[operand.index];
    case MapOperand::Kind::kInteger:
      return ScalarClass::kInteger;
    case MapOperand::Kind::kFloat:
      break;
  }
  return ScalarClass::kFloat;
}

// The class that the operands from `first` on are converted to before the function is applied.
inline ScalarClass joined_class(const MapInstruction &instruction,
                                const std::vector<ScalarClass> &inputs,
                                const std::vector<ScalarClass> &results) {
  const ScalarFunction &function = *instruction.function;
  if (function.rule == ScalarRule::kFloat) return ScalarClass::kFloat;
  if (function.rule == ScalarRule::kLogical) return ScalarClass::kBool;
  ScalarClass joined =
      function.rule == ScalarRule::kArithmetic ? ScalarClass::kInteger : ScalarClass::kBool;
  for (uint32_t i = function.rule == ScalarRule::kSelect ? 1 : 0; i < function.arity; ++i) {
    const ScalarClass next = class_of(instruction.operands[i], inputs, results);
    if (next > joined) joined = next;
  }
  return joined;
}

// The class of every instruction's result.
inline std::vector<ScalarClass> result_classes(const MapCode &code,
                                               const std::vector<ScalarClass> &inputs) {
  std::vector<ScalarClass> results;
  results.reserve(code.instructions.size());
  for (const MapInstruction &instruction : code.instructions) {
    const bool truth = instruction.function->rule == ScalarRule::kComparison ||
                       instruction.function->rule == ScalarRule::kLogical;
    results.push_back(truth ? ScalarClass::kBool : joined_class(instruction, inputs, results));
  }
  return results;
}

}  // namespace flame

#endif
