#include "core/passes/cost.h"

#include <algorithm>

#include "core/ops/catalogue/costs.h"

namespace flame {
namespace {

// An H200 makes 7e14 multiplications and additions of bf16 a second, moves 4.2e12 bytes and needs 2 µs
// from one small op to the next.
constexpr double kWorkOfByte = 170;
constexpr double kWorkOfStart = 1.4e9;

}  // namespace

double cost_of(const Program &program, const Node &node) {
  if (node.op->group == OpGroup::kView) return 0;
  OpCall call;
  call.op = node.op;
  call.attributes = node.attributes;
  for (const ValueId value : node.inputs) call.inputs.push_back(program.type(value));
  for (const ValueId value : node.outputs) call.outputs.push_back(program.type(value));
  return node.op->cost ? node.op->cost(call) : touched_elements(call);
}

double work_of(const Program &program, const Node &node) {
  if (node.op->group == OpGroup::kView) return 0;
  double bytes = 0;
  for (const auto *values : {&node.inputs, &node.outputs})
    for (const ValueId value : *values)
      bytes += static_cast<double>(program.type(value).size_bytes());
  return std::max(cost_of(program, node), kWorkOfByte * bytes) + kWorkOfStart;
}

}  // namespace flame
