#include "core/program/splice.h"

#include <unordered_map>

#include "core/program/rewrite.h"

namespace flame {

NamedValues splice(const Program &part, ProgramBuilder &builder, const NamedValues &bound,
                   std::string_view input_prefix, std::string_view parameter_prefix) {
  std::unordered_map<ValueId, const Parameter *> parameters;
  for (const Parameter &parameter : part.parameters()) parameters[parameter.value] = &parameter;
  ProgramCopy copy(part, builder, [&](std::string_view name, ValueId value) {
    const TensorType &type = part.type(value);
    const auto found = parameters.find(value);
    if (found == parameters.end()) {
      const auto given = bound.find(name);
      return given != bound.end() ? given->second
                                  : builder.input(std::string(input_prefix).append(name), type);
    }
    const std::string full = std::string(parameter_prefix).append(name);
    const ValueId made = builder.parameter(full, type, found->second->trainable);
    if (found->second->trainable) builder.start(made, found->second->initial);
    return made;
  });
  for (const Node &node : part.nodes()) copy.add(node, builder);
  NamedValues outputs;
  for (const NamedValue &output : part.outputs()) outputs[output.name] = copy.at(output.value);
  return outputs;
}

}  // namespace flame
