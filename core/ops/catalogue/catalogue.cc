#include "core/ops/catalogue/catalogue.h"

#include <fmt/core.h>

#include <algorithm>

#include "core/base/suggest.h"
#include "core/base/terminal.h"
#include "flame/scalar_functions.hpp"

namespace flame {

const OpDefinition *find_op(std::string_view name) {
  const std::vector<OpDefinition> &ops = catalogue();
  const auto place = std::ranges::lower_bound(ops, name, {}, &OpDefinition::name);
  return place != ops.end() && place->name == name ? &*place : nullptr;
}

const AttributeSpec *OpDefinition::find_attribute(std::string_view attribute) const {
  const auto place = std::ranges::find(attributes, attribute, &AttributeSpec::name);
  return place == attributes.end() ? nullptr : &*place;
}

namespace {

constexpr size_t kShownBytes = 60;

// A name from outside, short and without control characters.
std::string shown(std::string_view name) {
  return printable(name.substr(0, kShownBytes)) + (name.size() > kShownBytes ? "…" : "");
}

// The value as the kind that the catalogue asks for; nothing if it is of another kind.
std::optional<AttributeValue> converted(const AttributeValue &value, AttributeKind kind) {
  if (kind_of(value) == kind) return value;
  if (kind == AttributeKind::kFloat && std::holds_alternative<int64_t>(value)) {
    return static_cast<double>(std::get<int64_t>(value));
  }
  if (kind == AttributeKind::kFloats && std::holds_alternative<std::vector<int64_t>>(value)) {
    const auto &integers = std::get<std::vector<int64_t>>(value);
    return std::vector<double>(integers.begin(), integers.end());
  }
  return std::nullopt;
}

Error unknown_attribute(const OpDefinition &op, std::string_view name) {
  std::vector<std::string> names;
  for (const AttributeSpec &spec : op.attributes) names.emplace_back(spec.name);
  return plugin_error(fmt::format("has no attribute '{}'", shown(name)), did_you_mean(name, names));
}

bool is_complete(const OpDefinition &op, const Attributes &given) {
  return std::ranges::equal(given.entries(), op.attributes,
                            [](const auto &entry, const auto &spec) {
                              return entry.first == spec.name && kind_of(entry.second) == spec.kind;
                            });
}

// All attributes of the op in its order, given or by default.
Result<Attributes> complete(const OpDefinition &op, const Attributes &given) {
  if (is_complete(op, given)) return given;
  size_t used = 0;
  Attributes result;
  for (const AttributeSpec &spec : op.attributes) {
    const AttributeValue *value = given.find(spec.name);
    if (!value && !spec.default_value) {
      return plugin_error(fmt::format("needs the attribute '{}': {}", spec.name, spec.help));
    }
    used += value ? 1 : 0;
    const AttributeValue &source = value ? *value : *spec.default_value;
    std::optional<AttributeValue> held = converted(source, spec.kind);
    if (!held) {
      return plugin_error(fmt::format("the attribute '{}' is of kind {}, expected {}", spec.name,
                                      name_of(kind_of(source)), name_of(spec.kind)));
    }
    result.set(spec.name, std::move(*held));
  }
  if (used == given.entries().size()) return result;
  for (const auto &[name, value] : given.entries()) {
    if (!op.find_attribute(name)) return unknown_attribute(op, name);
  }
  return plugin_error("an attribute is given twice");
}

Status check_input_count(const OpDefinition &op, size_t count) {
  size_t least = 0;
  size_t most = op.inputs.size();
  for (const OperandSpec &spec : op.inputs) {
    if (spec.count == OperandCount::kOne) ++least;
    if (spec.count == OperandCount::kMany) most = SIZE_MAX;
  }
  if (count >= least && count <= most) return {};
  std::string names;
  for (const OperandSpec &spec : op.inputs) {
    names += names.empty() ? "" : ", ";
    names += spec.name;
    if (spec.count == OperandCount::kOptional) names += " (optional)";
    if (spec.count == OperandCount::kMany) names += "…";
  }
  return plugin_error(
      fmt::format("has {} inputs, expected: {}", count, names.empty() ? "none" : names));
}

Error unknown_op(std::string_view name) {
  std::vector<std::string> names;
  for (const OpDefinition &op : catalogue()) names.emplace_back(op.name);
  for (const ScalarFunction &function : kScalarFunctions) names.emplace_back(function.name);
  std::string hint = did_you_mean(name, names);
  if (hint.empty()) hint = "the ops are listed in docs/ops.md";
  return plugin_error(fmt::format("there is no op '{}'", shown(name)), std::move(hint));
}

Status infer_checked(OpCall &call) {
  FLAME_TRY(check_input_count(*call.op, call.inputs.size()));
  FLAME_ASSIGN(call.attributes, complete(*call.op, call.attributes));
  return call.op->infer(call);
}

// "silu" with inputs x is the map "silu x0".
std::string code_of(const ScalarFunction &function) {
  std::string code(function.name);
  for (uint32_t i = 0; i < function.arity; ++i) code += fmt::format(" x{}", i);
  return code;
}

}  // namespace

Result<OpCall> infer_op(std::string_view name, std::vector<TensorType> inputs,
                        Attributes attributes) {
  OpCall call{find_op(name), std::move(inputs), std::move(attributes), {}};
  const ScalarFunction *function = call.op ? nullptr : find_scalar_function(name);
  if (function) {
    if (call.inputs.size() != function->arity) {
      return plugin_error(fmt::format("op '{}': has {} inputs, expected {}", name,
                                      call.inputs.size(), function->arity));
    }
    call.op = find_op("map");
    call.attributes.set("code", code_of(*function));
  }
  if (!call.op) return unknown_op(name);
  const Status status = infer_checked(call);
  if (!status.ok()) {
    Error error = status.error();
    error.what = fmt::format("op '{}': {}", name, error.what);
    return error;
  }
  return call;
}

}  // namespace flame
