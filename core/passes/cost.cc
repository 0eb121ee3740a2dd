#include "core/passes/cost.h"

#include "core/ops/catalogue/costs.h"

namespace flame {

double cost_of(const Program &program, const Node &node) {
  if (node.op->group == OpGroup::kView) return 0;
  OpCall call;
  call.op = node.op;
  call.attributes = node.attributes;
  for (const ValueId value : node.inputs) call.inputs.push_back(program.type(value));
  for (const ValueId value : node.outputs) call.outputs.push_back(program.type(value));
  return node.op->cost ? node.op->cost(call) : touched_elements(call);
}

}  // namespace flame
