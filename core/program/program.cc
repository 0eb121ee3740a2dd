#include "core/program/program.h"

#include <fmt/core.h>

#include <algorithm>
#include <set>

#include "core/ops/catalogue/catalogue.h"

namespace flame {

std::string Place::text() const {
  std::string text = file;
  if (!file.empty() && line != 0) text += fmt::format(":{}", line);
  if (!scope.empty()) text += (text.empty() ? "in " : ", in ") + scope;
  return text.empty() ? "an unnamed place" : text;
}

const NamedValue *Program::find_input(std::string_view name) const {
  const auto found = std::ranges::find(inputs_, name, &NamedValue::name);
  return found == inputs_.end() ? nullptr : &*found;
}

const Parameter *Program::find_parameter(std::string_view name) const {
  const auto found = std::ranges::find(parameters_, name, &Parameter::name);
  return found == parameters_.end() ? nullptr : &*found;
}

const NamedValue *Program::find_output(std::string_view name) const {
  const auto found = std::ranges::find(outputs_, name, &NamedValue::name);
  return found == outputs_.end() ? nullptr : &*found;
}

namespace {

template <typename Named>
Status check_names(const std::vector<Named> &list, std::string_view what, size_t value_count) {
  std::set<std::string_view> seen;
  for (const Named &entry : list) {
    if (!seen.insert(entry.name).second) {
      return plugin_error(fmt::format("the program has two {}s '{}'", what, entry.name));
    }
    if (entry.value == 0 || entry.value >= value_count) {
      return plugin_error(fmt::format("the {} '{}' names no value", what, entry.name));
    }
  }
  return {};
}

// The types of a node's values are what its op gives, and its inputs were made before it.
Status check_node(const Program &program, NodeId id) {
  const Node &node = program.nodes()[id];
  std::vector<TensorType> inputs;
  for (const ValueId input : node.inputs) {
    const bool known = input != 0 && input < program.values().size();
    if (!known ||
        (program.value(input).producer != kNoNode && program.value(input).producer >= id)) {
      return plugin_error("uses a value that is not made before it");
    }
    inputs.push_back(program.type(input));
  }
  FLAME_ASSIGN(const OpCall call, infer_op(node.op->name, std::move(inputs), node.attributes));
  bool equal = call.outputs.size() == node.outputs.size() && call.attributes == node.attributes;
  for (size_t i = 0; equal && i < node.outputs.size(); ++i) {
    const ValueId output = node.outputs[i];
    equal = output < program.values().size() && program.type(output) == call.outputs[i] &&
            program.value(output).producer == id && program.value(output).output_index == i;
  }
  if (!equal) return plugin_error("has other attributes or outputs than the op gives");
  return {};
}

}  // namespace

Status validate(const Program &program) {
  FLAME_TRY(check_names(program.inputs(), "input", program.values().size()));
  FLAME_TRY(check_names(program.parameters(), "parameter", program.values().size()));
  FLAME_TRY(check_names(program.outputs(), "output", program.values().size()));
  for (NodeId id = 0; id < program.nodes().size(); ++id) {
    const Status status = check_node(program, id);
    if (status.ok()) continue;
    const Node &node = program.nodes()[id];
    Error error = status.error();
    error.what = fmt::format("node {} '{}' ({}): {}", id, node.op->name,
                             node.place ? node.place->text() : "no place", error.what);
    return error;
  }
  return {};
}

}  // namespace flame
