#include "core/passes/precision.h"

#include <fmt/core.h>

#include <algorithm>

#include "core/ops/catalogue/terms.h"
#include "core/program/program_builder.h"

namespace flame {
namespace {

using Role = PrecisionRole;

bool is_sum(const Node &node) {
  if (node.op->name != "reduce") return false;
  const std::string &kind = node.attributes.text("kind");
  return kind != "max" && kind != "min";
}

Role role_of(const Node &node) {
  const Role role = node.op->precision.role;
  return role == Role::kSum && !is_sum(node) ? Role::kFollow : role;
}

// Operands that the op wants in f32 itself.
bool is_exempt(const Node &node, size_t operand) {
  return operand < 32 && (node.op->precision.wide_operands >> operand & 1);
}

// Marks the values all of whose users want them in f32.
std::vector<bool> find_wide_wishes(const Program &program) {
  std::vector<bool> used(program.values().size(), false);
  std::vector<bool> wide(program.values().size(), true);
  for (const NamedValue &output : program.outputs()) used[output.value] = true;
  for (size_t id = program.nodes().size(); id-- > 0;) {
    const Node &node = program.nodes()[id];
    const auto wishes = [&](ValueId value) { return used[value] && wide[value]; };
    bool wants = false;
    switch (role_of(node)) {
      case Role::kWide:
        wants = true;
        break;
      case Role::kSum:
        wants = program.type(node.outputs[0]).shape.element_count() == 1;
        break;
      case Role::kFollow:
        wants = std::ranges::all_of(node.outputs, wishes);
        break;
      case Role::kNarrow:
      case Role::kSource:
        break;
    }
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      const ValueId input = node.inputs[i];
      used[input] = true;
      wide[input] = wide[input] && (wants || is_exempt(node, i));
    }
  }
  for (size_t value = 0; value < wide.size(); ++value) wide[value] = wide[value] && used[value];
  return wide;
}

class Converter {
 public:
  Converter(const Program &program, DType compute, PrecisionCounts &counts)
      : program_(program),
        compute_(compute),
        counts_(counts),
        wishes_(find_wide_wishes(program)),
        held_(program.values().size()) {}

  Result<Program> run() {
    for (const NamedValue &input : program_.inputs())
      hold(input.value, builder_.input(input.name, program_.type(input.value)));
    for (const Parameter &parameter : program_.parameters()) add(parameter);
    for (const Node &node : program_.nodes()) {
      builder_.set_place(node.place);
      add(node);
    }
    builder_.set_place(nullptr);
    for (const NamedValue &output : program_.outputs()) {
      builder_.output(output.name, as(output.value, program_.type(output.value).dtype));
    }
    return builder_.finish();
  }

 private:
  // A value of the program in the new one: as it was made, and cast to another type.
  struct Held {
    ValueId own = 0;
    ValueId cast = 0;
    bool parameter = false;
  };

  bool is_f32(ValueId value) const { return program_.type(value).dtype == DType::kF32; }
  bool is_narrow(ValueId value) const {
    return builder_.type_of(held_[value].own).dtype != program_.type(value).dtype;
  }

  void hold(ValueId value, ValueId made) { held_[value] = {made, 0, false}; }

  void add(const Parameter &parameter) {
    TensorType type = program_.type(parameter.value);
    const bool narrow =
        type.dtype == DType::kF32 && !parameter.trainable && !wishes_[parameter.value];
    if (narrow) type.dtype = compute_;
    counts_.narrow_parameters += narrow;
    held_[parameter.value] = {builder_.parameter(parameter.name, type, parameter.trainable), 0,
                              true};
  }

  // An f32 value of the program in that type, f32 or the compute type; others as they are.
  ValueId as(ValueId value, DType dtype) {
    Held &held = held_[value];
    if (!is_f32(value) || builder_.type_of(held.own).dtype == dtype) return held.own;
    if (held.cast == 0) {
      held.cast = cast(builder_.term(held.own), dtype).id();
      ++counts_.casts;
    }
    return held.cast;
  }

  // An operand that comes from a narrow op decides; parameters do so only among themselves.
  bool follows_narrow(const Node &node) const {
    bool any_value = false;
    bool all_parameters_narrow = true;
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      const ValueId input = node.inputs[i];
      if (!is_f32(input) || is_exempt(node, i)) continue;
      if (held_[input].parameter) {
        all_parameters_narrow = all_parameters_narrow && is_narrow(input);
        continue;
      }
      any_value = true;
      if (is_narrow(input)) return true;
    }
    return !any_value && all_parameters_narrow;
  }

  void add(const Node &node) {
    const Role role = role_of(node);
    const bool narrow = role == Role::kNarrow || (role == Role::kFollow && follows_narrow(node));
    if (node.op->name == "map") return add_map(node, narrow);
    // f32 to f32 changes nothing, whatever f32 has become.
    const bool casts = node.op->name == "cast" || node.op->name == "copy";
    if (casts && is_f32(node.inputs[0]) && is_f32(node.outputs[0])) {
      held_[node.outputs[0]] = held_[node.inputs[0]];
      return;
    }
    std::vector<ValueId> inputs;
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      const ValueId input = node.inputs[i];
      const bool as_it_is = role == Role::kSum || casts || is_mask(node, i);
      const bool wide = !narrow || is_exempt(node, i);
      inputs.push_back(as_it_is ? held_[input].own : as(input, wide ? DType::kF32 : compute_));
    }
    Attributes attributes = node.attributes;
    set_dtype(node, narrow, attributes);
    hold_all(node, builder_.add(node.op->name, inputs, std::move(attributes)));
  }

  // Attention takes a mask in q's type or in f32.
  static bool is_mask(const Node &node, size_t operand) {
    return (node.op->name == "attention" && operand == 3) ||
           (node.op->name == "attention_grad" && operand == 6);
  }

  // Products and sums can answer in f32 where that is wanted.
  void set_dtype(const Node &node, bool narrow, Attributes &attributes) const {
    const bool product = node.op->name == "matmul" && is_f32(node.outputs[0]);
    if (product) {
      const bool wide = !narrow || wishes_[node.outputs[0]];
      attributes.set("dtype", std::string(name_of(wide ? DType::kF32 : compute_)));
    }
    // The bias is cast with the operands, and the answer has its type.
    if (node.op->name == "linear_scaled" && is_f32(node.outputs[0]) && narrow)
      attributes.set("dtype", std::string(name_of(compute_)));
    if (node.op->name == "reduce" && is_f32(node.outputs[0])) {
      attributes.set("dtype",
                     std::string(name_of(is_sum(node) || !narrow ? DType::kF32 : compute_)));
    }
  }

  // A map reads what lies there and stores what is wanted.
  void add_map(const Node &node, bool narrow) {
    std::vector<ValueId> inputs;
    for (const ValueId input : node.inputs) inputs.push_back(held_[input].own);
    std::vector<std::string> dtypes;
    for (const ValueId output : node.outputs) {
      const bool changes = is_f32(output) && narrow && !wishes_[output];
      dtypes.emplace_back(name_of(changes ? compute_ : program_.type(output).dtype));
    }
    Attributes attributes = node.attributes;
    attributes.set("dtypes", std::move(dtypes));
    hold_all(node, builder_.add("map", inputs, std::move(attributes)));
  }

  void hold_all(const Node &node, const std::vector<ValueId> &made) {
    for (size_t i = 0; i < node.outputs.size() && i < made.size(); ++i)
      hold(node.outputs[i], made[i]);
  }

  const Program &program_;
  DType compute_;
  PrecisionCounts &counts_;
  std::vector<bool> wishes_;
  std::vector<Held> held_;
  ProgramBuilder builder_;
};

}  // namespace

Result<Program> apply_precision(const Program &program, PrecisionPolicy policy,
                                PrecisionCounts *counts) {
  if (policy.compute == DType::kF32) return program;
  if (policy.compute != DType::kBF16 && policy.compute != DType::kF16) {
    return config_error(
        fmt::format("the precision is {}, expected f32, bf16 or f16", name_of(policy.compute)));
  }
  PrecisionCounts unwanted;
  return Converter(program, policy.compute, counts ? *counts : unwanted).run();
}

}  // namespace flame
