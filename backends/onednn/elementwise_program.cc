#include "backends/onednn/elementwise_program.h"

#include <algorithm>
#include <limits>
#include <map>

#include "backends/onednn/elementwise_pairs.h"
#include "backends/onednn/elementwise_steps.h"

namespace flame::onednn {
namespace {

using Step = ElementwiseProgram::Step;
using Kind = MapOperand::Kind;

// A value of the program before it has a slot: an input, a constant or a step's result.
struct Value {
  enum class Source : uint8_t {
    kInput,
    kConstant,
    kStep
  };
  Source source;
  uint32_t index;
  ValueClass value_class;
  size_t last_use = 0;  // the last step that reads it
};
using ValueId = uint32_t;

class Compiler {
 public:
  Compiler(const MapCode &code, const ElementwiseTypes &types) : code_(code), types_(types) {}

  ElementwiseProgram compile() {
    const bool wide = has_f64(types_.inputs) || has_f64(types_.outputs);
    float_class_ = wide ? ValueClass::kF64 : ValueClass::kF32;
    for (uint32_t i = 0; i < types_.inputs.size(); ++i) {
      const ValueClass value_class = computed(class_of(types_.inputs[i]));
      program_.inputs.push_back(value_class);
      scalar_classes_.push_back(scalar_class(value_class));
      values_.push_back({Value::Source::kInput, i, value_class});
    }
    const std::vector<ScalarClass> results = result_classes(code_, scalar_classes_);
    for (size_t i = 0; i < code_.instructions.size(); ++i) add(code_.instructions[i], results);
    for (const MapOperand &output : code_.outputs) outputs_.push_back(value_of(output, {}));
    join_pairs();
    find_last_uses();
    assign_slots();
    return std::move(program_);
  }

 private:
  static bool has_f64(const std::vector<flame_dtype> &dtypes) {
    return std::find(dtypes.begin(), dtypes.end(), FLAME_DTYPE_F64) != dtypes.end();
  }
  ValueClass computed(ValueClass value_class) const {
    return value_class == ValueClass::kF32 ? float_class_ : value_class;
  }
  static ScalarClass scalar_class(ValueClass value_class) {
    if (value_class == ValueClass::kBool) return ScalarClass::kBool;
    return value_class == ValueClass::kInteger ? ScalarClass::kInteger : ScalarClass::kFloat;
  }
  ValueClass value_class(ScalarClass scalar) const {
    if (scalar == ScalarClass::kBool) return ValueClass::kBool;
    return scalar == ScalarClass::kInteger ? ValueClass::kInteger : float_class_;
  }

  // The value of an operand; a number becomes one of the class `wanted`.
  ValueId value_of(const MapOperand &operand, ValueClass wanted) {
    if (operand.kind == Kind::kInput) return operand.index;
    if (operand.kind == Kind::kResult) return results_[operand.index];
    const bool whole = operand.kind == Kind::kInteger;
    ElementwiseProgram::Constant constant{0, wanted, operand.number, operand.integer};
    if (whole) constant.number = static_cast<double>(operand.integer);
    if (wanted == ValueClass::kBool)
      constant.integer = whole ? operand.integer != 0 : operand.number != 0;
    program_.constants.push_back(constant);
    const auto index = static_cast<uint32_t>(program_.constants.size() - 1);
    values_.push_back({Value::Source::kConstant, index, wanted});
    return static_cast<ValueId>(values_.size() - 1);
  }

  bool repeats(ValueId id) const {
    const Value &value = values_[id];
    if (value.source == Value::Source::kInput) return types_.repeats[value.index];
    return value.source == Value::Source::kConstant;
  }

  // The value in the class `wanted`: itself, or the answer of a step that converts it.
  ValueId converted(ValueId value, ValueClass wanted) {
    const ValueClass given = values_[value].value_class;
    if (given == wanted) return value;
    const auto [known, is_new] = conversions_.try_emplace({value, wanted}, 0);
    if (is_new)
      known->second =
          push({Step::Kind::kConvert, wanted, given, 0, 0, false, 0, {value}, 0}, wanted, 1);
    return known->second;
  }

  // Adds a step whose operands are values for now.
  ValueId push(const Step &step, ValueClass result, uint32_t arity) {
    for (uint32_t k = 0; k < arity; ++k) values_[step.operands[k]].last_use = program_.steps.size();
    arities_.push_back(arity);
    program_.steps.push_back(step);
    const auto index = static_cast<uint32_t>(program_.steps.size() - 1);
    values_.push_back({Value::Source::kStep, index, result, index});
    step_values_.push_back(static_cast<ValueId>(values_.size() - 1));
    return step_values_.back();
  }

  void add(const MapInstruction &instruction, const std::vector<ScalarClass> &results) {
    const ScalarFunction &function = *instruction.function;
    const ValueClass joined = value_class(joined_class(instruction, scalar_classes_, results));
    Step step{
        Step::Kind::kFunction, joined, joined, function_number(function.name), 0, false, 0, {}, 0};
    for (uint32_t k = 0; k < function.arity; ++k) {
      const bool is_condition = function.rule == ScalarRule::kSelect && k == 0;
      const ValueClass wanted = is_condition ? ValueClass::kBool : joined;
      step.operands[k] = converted(value_of(instruction.operands[k], wanted), wanted);
      if (repeats(step.operands[k])) step.repeats |= 1u << k;
    }
    const bool truth =
        function.rule == ScalarRule::kComparison || function.rule == ScalarRule::kLogical;
    results_.push_back(push(step, truth ? ValueClass::kBool : joined, function.arity));
  }

  // How often each value is read, by steps and as an output.
  std::vector<uint32_t> count_uses() const {
    std::vector<uint32_t> uses(values_.size(), 0);
    for (size_t s = 0; s < program_.steps.size(); ++s) {
      for (uint32_t k = 0; k < arities_[s]; ++k) ++uses[program_.steps[s].operands[k]];
    }
    for (const ValueId output : outputs_) ++uses[output];
    return uses;
  }

  // Puts two neighbouring steps into one where the second alone reads the first's answer.
  void join_pairs() {
    const std::vector<uint32_t> uses = count_uses();
    std::vector<Step> steps;
    std::vector<uint32_t> arities;
    std::vector<ValueId> step_values;
    for (size_t s = 0; s < program_.steps.size(); ++s) {
      Step step = program_.steps[s];
      uint32_t arity = arities_[s];
      if (s + 1 < program_.steps.size() && uses[step_values_[s]] == 1 &&
          try_join(step, step_values_[s], program_.steps[s + 1])) {
        arity = 3;
        ++s;
      }
      values_[step_values_[s]].index = static_cast<uint32_t>(steps.size());
      steps.push_back(step);
      arities.push_back(arity);
      step_values.push_back(step_values_[s]);
    }
    program_.steps = std::move(steps);
    arities_ = std::move(arities);
    step_values_ = std::move(step_values);
  }

  // Makes `first` the pair of both, if there is one.
  static bool try_join(Step &first, ValueId between, const Step &second) {
    const auto is_f32_function = [](const Step &step) {
      return step.kind == Step::Kind::kFunction && step.value_class == ValueClass::kF32;
    };
    if (!is_f32_function(first) || !is_f32_function(second)) return false;
    Step pair = first;
    pair.kind = Step::Kind::kPair;
    if (first.function == function_number("square")) {
      pair.function = function_number("mul");
      pair.operands[1] = first.operands[0];
      pair.repeats = 0;
    }
    if (!is_first_of_pair(pair.function) || !is_second_of_pair(second.function)) return false;
    pair.second = second.function;
    pair.swapped = second.operands[1] == between;
    if (!pair.swapped && second.operands[0] != between) return false;  // a later step reads it
    const uint32_t other = pair.swapped ? 0 : 1;
    pair.operands[2] = second.operands[other];
    if (pair.repeats == 3) pair.repeats = 0;  // the rows of numbers are whole too
    pair.repeats |= (second.repeats >> other & 1u) << 2;
    first = pair;
    return true;
  }

  void find_last_uses() {
    for (Value &value : values_)
      value.last_use = value.source == Value::Source::kStep ? value.index : 0;
    for (size_t s = 0; s < program_.steps.size(); ++s) {
      for (uint32_t k = 0; k < arities_[s]; ++k)
        values_[program_.steps[s].operands[k]].last_use = s;
    }
  }

  // True if the step's answer may be written to the memory of that output at once.
  bool writes_directly(size_t output) const {
    const Value &value = values_[outputs_[output]];
    if (value.source != Value::Source::kStep || !types_.direct[output] ||
        !is_stored_as(types_.outputs[output], value.value_class)) {
      return false;
    }
    for (size_t earlier = 0; earlier < output; ++earlier) {
      if (outputs_[earlier] == outputs_[output]) return false;
    }
    for (uint32_t input = 0; input < types_.inputs.size(); ++input) {
      const bool read_at_end = std::find(outputs_.begin(), outputs_.end(), input) != outputs_.end();
      if (types_.shared[output][input] && (values_[input].last_use > value.index || read_at_end))
        return false;
    }
    return true;
  }

  void assign_slots() {
    constexpr size_t kEnd = std::numeric_limits<size_t>::max();
    std::vector<Slot> slots(values_.size());
    const auto input_count = static_cast<uint32_t>(types_.inputs.size());
    for (size_t i = 0; i < values_.size(); ++i) {
      const Value &value = values_[i];
      if (value.source == Value::Source::kInput) slots[i] = value.index;
      if (value.source != Value::Source::kConstant) continue;
      slots[i] = input_count + value.index;
      program_.constants[value.index].slot = slots[i];
    }
    Slot next = input_count + static_cast<uint32_t>(program_.constants.size());
    std::vector<bool> pinned(values_.size(), false);  // the output's own memory
    for (size_t k = 0; k < outputs_.size(); ++k) {
      const bool direct = writes_directly(k);
      pinned[outputs_[k]] = pinned[outputs_[k]] || direct;
      program_.outputs.push_back({0, values_[outputs_[k]].value_class, direct});
    }
    for (const ValueId output : outputs_) values_[output].last_use = kEnd;

    std::vector<Slot> free;
    for (size_t s = 0; s < program_.steps.size(); ++s) {
      Step &step = program_.steps[s];
      const ValueId made = step_values_[s];
      // A value that dies here gives its register to the answer, if both have the same size.
      std::vector<Slot> dying;
      const auto is_free_later = [&](ValueId id) {
        return values_[id].source == Value::Source::kStep && values_[id].last_use == s &&
               !pinned[id];
      };
      for (uint32_t k = 0; k < arities_[s]; ++k) {
        const ValueId operand = step.operands[k];
        step.operands[k] = slots[operand];
        if (!is_free_later(operand)) continue;
        const bool same =
            size_of(values_[operand].value_class) == size_of(values_[made].value_class);
        auto &list = same ? free : dying;
        if (std::find(list.begin(), list.end(), slots[operand]) == list.end())
          list.push_back(slots[operand]);
      }
      if (pinned[made] || free.empty()) {
        slots[made] = next++;
      } else {
        slots[made] = free.back();
        free.pop_back();
      }
      step.out = slots[made];
      free.insert(free.end(), dying.begin(), dying.end());
      if (is_free_later(made)) free.push_back(slots[made]);  // nobody reads it
    }
    for (size_t k = 0; k < outputs_.size(); ++k) program_.outputs[k].slot = slots[outputs_[k]];
    program_.slot_count = next;
  }

  const MapCode &code_;
  const ElementwiseTypes &types_;
  ValueClass float_class_ = ValueClass::kF32;
  ElementwiseProgram program_;
  std::vector<ScalarClass> scalar_classes_;  // of the inputs
  std::vector<Value> values_;
  std::vector<ValueId> results_;      // of the code's instructions
  std::vector<ValueId> step_values_;  // of the program's steps
  std::vector<uint32_t> arities_;
  std::vector<ValueId> outputs_;
  std::map<std::pair<ValueId, ValueClass>, ValueId> conversions_;
};

}  // namespace

ElementwiseProgram compile(const MapCode &code, const ElementwiseTypes &types) {
  return Compiler(code, types).compile();
}

}  // namespace flame::onednn
