#include "core/sample/planned_program.h"

#include <unordered_set>

#include "core/passes/fuse.h"
#include "core/program/rewrite.h"

namespace flame {
namespace {

Result<Program> with_prefix(const Program &program, std::string_view prefix) {
  std::unordered_set<std::string_view> parameters;
  for (const Parameter &parameter : program.parameters()) parameters.insert(parameter.name);
  ProgramBuilder builder;
  ProgramCopy copy(program, builder, [&](std::string_view name, ValueId value) {
    const std::string named = std::string(prefix).append(name);
    const TensorType &type = program.type(value);
    return parameters.contains(name) ? builder.parameter(named, type, false)
                                     : builder.input(named, type);
  });
  for (const Node &node : program.nodes()) copy.add(node, builder);
  copy.outputs();
  return builder.finish();
}

}  // namespace

Result<Program> stored_program(const Program &program, std::string_view prefix,
                               PrecisionPolicy precision,
                               const std::function<Result<Program>(const Program &)> &bind) {
  FLAME_ASSIGN(Program named, with_prefix(program, prefix));
  if (bind) {
    FLAME_ASSIGN(named, bind(named));
  }
  FLAME_ASSIGN(const Program simple, simplify(named));
  return apply_precision(simple, precision);
}

Result<PlacedProgram> plan_program(const Program &program, const PlanRequest &request,
                                   Target &target) {
  FLAME_ASSIGN(const Program stored,
               stored_program(program, request.prefix, request.precision, request.bind));
  FLAME_ASSIGN(const Fused fused, fuse(stored, target));
  PlaceRequest placement = request.placement;
  for (Replacement &each : placement.replaces) each.input.insert(0, request.prefix);
  for (auto &[name, memory_class] : placement.classes) name.insert(0, request.prefix);
  return place(fused.program, target, placement);
}

}  // namespace flame
