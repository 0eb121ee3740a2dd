#include "core/ops/catalogue/map_rules.h"

#include <algorithm>
#include <bit>

#include "core/ops/catalogue/scalar_derivatives.h"

namespace flame {

ScalarClass scalar_class(DType dtype) {
  if (is_float(dtype)) return ScalarClass::kFloat;
  return dtype == DType::kBool ? ScalarClass::kBool : ScalarClass::kInteger;
}

DType default_map_dtype(ScalarClass result, const std::vector<TensorType> &inputs) {
  if (result == ScalarClass::kBool) return DType::kBool;
  std::optional<DType> joined;
  for (const TensorType &input : inputs) {
    if (scalar_class(input.dtype) != result) continue;
    const DType next = is_f8(input.dtype) ? DType::kF32 : input.dtype;
    if (!joined) {
      joined = next;
    } else if (result == ScalarClass::kFloat) {
      joined = promote_floats(*joined, next);
    } else if (size_bytes(next) > size_bytes(*joined)) {
      joined = next;
    }
  }
  return joined.value_or(result == ScalarClass::kFloat ? DType::kF32 : DType::kI64);
}

MapCodeBuilder::OperandKey MapCodeBuilder::key_of(const MapOperand &operand) {
  return {operand.kind, operand.index, operand.integer, std::bit_cast<uint64_t>(operand.number)};
}

MapOperand MapCodeBuilder::add(const ScalarFunction &function, const MapOperand (&operands)[3]) {
  const Key key{&function, key_of(operands[0]), key_of(operands[1]), key_of(operands[2])};
  const auto [place, fresh] = known_.try_emplace(key, static_cast<uint32_t>(instructions_.size()));
  if (fresh) instructions_.push_back({&function, {operands[0], operands[1], operands[2]}});
  return {MapOperand::Kind::kResult, place->second, 0, 0};
}

MapOperand MapCodeBuilder::add(std::string_view function, const MapOperand &a,
                               const MapOperand &b) {
  return add(*find_scalar_function(function), {a, b, {}});
}

std::vector<MapOperand> MapCodeBuilder::splice(const MapCode &code,
                                               const std::vector<MapOperand> &inputs) {
  spliced_.clear();
  const auto moved = [&](const MapOperand &operand) {
    if (operand.kind == MapOperand::Kind::kInput) return inputs[operand.index];
    if (operand.kind == MapOperand::Kind::kResult) return spliced_[operand.index];
    return operand;
  };
  for (const MapInstruction &instruction : code.instructions) {
    MapOperand operands[3];
    for (uint32_t i = 0; i < instruction.function->arity; ++i) {
      operands[i] = moved(instruction.operands[i]);
    }
    spliced_.push_back(add(*instruction.function, operands));
  }
  std::vector<MapOperand> outputs;
  for (const MapOperand &output : code.outputs) outputs.push_back(moved(output));
  return outputs;
}

MapCode MapCodeBuilder::finish(const std::vector<MapOperand> &outputs,
                               std::vector<uint32_t> &used_inputs) const {
  std::vector<bool> needed(instructions_.size(), false);
  used_inputs.clear();
  const auto need = [&](const MapOperand &operand) {
    if (operand.kind == MapOperand::Kind::kResult) needed[operand.index] = true;
    if (operand.kind == MapOperand::Kind::kInput) used_inputs.push_back(operand.index);
  };
  for (const MapOperand &output : outputs) need(output);
  for (size_t i = instructions_.size(); i-- > 0;) {
    if (!needed[i]) continue;
    for (uint32_t k = 0; k < instructions_[i].function->arity; ++k)
      need(instructions_[i].operands[k]);
  }
  std::ranges::sort(used_inputs);
  used_inputs.erase(std::unique(used_inputs.begin(), used_inputs.end()), used_inputs.end());

  MapCode code;
  std::vector<uint32_t> new_index(instructions_.size(), 0);
  const auto moved = [&](MapOperand operand) {
    if (operand.kind == MapOperand::Kind::kResult) operand.index = new_index[operand.index];
    if (operand.kind == MapOperand::Kind::kInput) {
      const auto place = std::ranges::lower_bound(used_inputs, operand.index);
      operand.index = static_cast<uint32_t>(place - used_inputs.begin());
    }
    return operand;
  };
  for (size_t i = 0; i < instructions_.size(); ++i) {
    if (!needed[i]) continue;
    MapInstruction instruction = instructions_[i];
    for (uint32_t k = 0; k < instruction.function->arity; ++k) {
      instruction.operands[k] = moved(instruction.operands[k]);
    }
    new_index[i] = static_cast<uint32_t>(code.instructions.size());
    code.instructions.push_back(instruction);
  }
  for (const MapOperand &output : outputs) code.outputs.push_back(moved(output));
  return code;
}

namespace {

// The cotangents of a map's inputs and results, while its code is walked backwards.
class ReverseCode {
 public:
  ReverseCode(const MapCode &code, const OpRewrite &use) : code_(code) {
    std::vector<MapOperand> inputs;
    for (uint32_t i = 0; i < use.inputs.size(); ++i) inputs.push_back(input(i));
    builder_.splice(code, inputs);
    results_ = builder_.spliced_results();
    mark_active(use);
    input_cotangents_.resize(use.inputs.size());
    result_cotangents_.resize(code.instructions.size());
    for (size_t i = 0; i < use.cotangents.size(); ++i) {
      if (use.cotangents[i]) receive(code.outputs[i], input(use.inputs.size() + i));
    }
    for (size_t i = code.instructions.size(); i-- > 0;) reverse(i);
  }

  const std::vector<std::optional<MapOperand>> &input_cotangents() const {
    return input_cotangents_;
  }
  const MapCodeBuilder &builder() const { return builder_; }

 private:
  static MapOperand input(size_t index) {
    return {MapOperand::Kind::kInput, static_cast<uint32_t>(index), 0, 0};
  }

  // What is worth a gradient: floats that come from a wanted input.
  void mark_active(const OpRewrite &use) {
    std::vector<ScalarClass> classes;
    for (const Term &term : use.inputs) {
      classes.push_back(scalar_class(term.dtype()));
      active_inputs_.push_back(use.wanted[active_inputs_.size()] &&
                               classes.back() == ScalarClass::kFloat);
    }
    const std::vector<ScalarClass> results = result_classes(code_, classes);
    for (size_t i = 0; i < code_.instructions.size(); ++i) {
      const MapInstruction &instruction = code_.instructions[i];
      bool active = false;
      for (uint32_t k = 0; k < instruction.function->arity; ++k) {
        active = active || is_active(instruction.operands[k]);
      }
      active_results_.push_back(active && results[i] == ScalarClass::kFloat);
    }
  }

  bool is_active(const MapOperand &operand) const {
    if (operand.kind == MapOperand::Kind::kInput) return active_inputs_[operand.index];
    if (operand.kind == MapOperand::Kind::kResult) return active_results_[operand.index];
    return false;
  }

  void receive(const MapOperand &target, const MapOperand &cotangent) {
    if (!is_active(target)) return;
    const bool is_input = target.kind == MapOperand::Kind::kInput;
    auto &held = (is_input ? input_cotangents_ : result_cotangents_)[target.index];
    held = held ? builder_.add("add", *held, cotangent) : cotangent;
  }

  void reverse(size_t index) {
    if (!result_cotangents_[index]) return;
    const MapInstruction &instruction = code_.instructions[index];
    std::vector<MapOperand> bound(kDerivativeInputs);
    for (uint32_t k = 0; k < instruction.function->arity; ++k) {
      bound[k] = instruction.operands[k];
      if (bound[k].kind == MapOperand::Kind::kResult) bound[k] = results_[bound[k].index];
    }
    bound[3] = results_[index];
    bound[4] = *result_cotangents_[index];
    for (uint32_t k = 0; k < instruction.function->arity; ++k) {
      const ScalarDerivative &derivative = derivative_of(*instruction.function, k);
      if (derivative.zero || !is_active(instruction.operands[k])) continue;
      receive(instruction.operands[k], builder_.splice(derivative.code, bound).front());
    }
  }

  const MapCode &code_;
  MapCodeBuilder builder_;
  std::vector<MapOperand> results_;
  std::vector<bool> active_inputs_;
  std::vector<bool> active_results_;
  std::vector<std::optional<MapOperand>> input_cotangents_;
  std::vector<std::optional<MapOperand>> result_cotangents_;
};

}  // namespace

std::vector<Term> map_gradient(const OpRewrite &use) {
  MapCode code;
  std::string error;
  read_map_code(use.attributes.text("code"), static_cast<uint32_t>(use.inputs.size()), code, error);
  const ReverseCode reverse(code, use);

  std::vector<Term> gradients(use.inputs.size());
  std::vector<MapOperand> outputs;
  std::vector<DType> dtypes;
  std::vector<size_t> computed;  // the inputs that get an output of the new map
  for (size_t i = 0; i < use.inputs.size(); ++i) {
    const auto &cotangent = reverse.input_cotangents()[i];
    if (!cotangent) continue;
    const Term &input = use.inputs[i];
    if (cotangent->kind == MapOperand::Kind::kInput) {
      const Term &passed = use.cotangents[cotangent->index - use.inputs.size()];
      gradients[i] = cast(sum_to(passed, input.shape()), input.dtype());
      continue;
    }
    outputs.push_back(*cotangent);
    dtypes.push_back(input.dtype());
    computed.push_back(i);
  }
  if (computed.empty()) return gradients;

  std::vector<uint32_t> used;
  const MapCode backward = reverse.builder().finish(outputs, used);
  std::vector<Term> operands;
  for (const uint32_t index : used) {
    operands.push_back(index < use.inputs.size() ? use.inputs[index]
                                                 : use.cotangents[index - use.inputs.size()]);
  }
  const std::vector<Term> made = map_many(write_map_code(backward), operands, dtypes);
  for (size_t k = 0; k < computed.size(); ++k) {
    gradients[computed[k]] = sum_to(made[k], use.inputs[computed[k]].shape());
  }
  return gradients;
}

}  // namespace flame
