#include "core/passes/uses.h"

#include <algorithm>

namespace flame {
namespace {

template <typename Visit>
void for_each_use(const Program &program, const Visit &visit) {
  for (NodeId id = 0; id < program.nodes().size(); ++id) {
    const std::vector<ValueId> &inputs = program.nodes()[id].inputs;
    for (size_t i = 0; i < inputs.size(); ++i) {
      const auto before = inputs.begin() + static_cast<std::ptrdiff_t>(i);
      if (std::find(inputs.begin(), before, inputs[i]) == before) visit(inputs[i], id);
    }
  }
}

}  // namespace

Uses::Uses(const Program &program)
    : first_(program.values().size() + 1, 0), is_output_(program.values().size(), false) {
  for_each_use(program, [&](ValueId value, NodeId) { ++first_[value + 1]; });
  for (size_t i = 1; i < first_.size(); ++i) first_[i] += first_[i - 1];
  nodes_.resize(first_.back());
  std::vector<size_t> next(first_.begin(), first_.end() - 1);
  for_each_use(program, [&](ValueId value, NodeId id) { nodes_[next[value]++] = id; });
  for (const NamedValue &output : program.outputs()) is_output_[output.value] = true;
}

}  // namespace flame
