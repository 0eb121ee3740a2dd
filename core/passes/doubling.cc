#include "core/passes/doubling.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/passes/cost.h"
#include "core/program/rewrite.h"

namespace flame {
namespace {

constexpr size_t kDearnessLevels = 24;
// Each is so much smaller than the one before.
constexpr int kSegmentLevels = 32;
constexpr double kSegmentStep = 1.25;

std::vector<Turn> as_it_is(const Program &program) {
  std::vector<Turn> order;
  for (NodeId id = 0; id < program.nodes().size(); ++id) order.push_back({id, false});
  return order;
}

}  // namespace

Lives::Lives(const Program &program, const std::vector<Turn> &order) {
  const size_t values = program.values().size();
  constexpr size_t kNotYet = std::numeric_limits<size_t>::max();
  root_.assign(2 * values, kNotYet);
  for (size_t value = 0; value < values; ++value) root_[value] = value;
  last_.assign(2 * values, 0);
  // The making that a node takes: the second as soon as there is one.
  const auto taken = [&](ValueId value) {
    return root_[root_[values + value] == kNotYet ? value : values + value];
  };
  for (size_t at = 0; at < order.size(); ++at) {
    const Node &node = program.nodes()[order[at].node];
    for (const ValueId input : node.inputs) last_[taken(input)] = at;
    const bool view = node.op->group == OpGroup::kView;
    for (const ValueId output : node.outputs) {
      const size_t number = order[at].again ? values + output : output;
      root_[number] = view ? taken(node.inputs[0]) : number;
      if (!view) last_[number] = at;
    }
  }
  for (const NamedValue &output : program.outputs()) last_[root_[output.value]] = order.size();

  std::vector<double> change(order.size() + 2, 0);
  for (size_t at = 0; at < order.size(); ++at) {
    for (const ValueId output : program.nodes()[order[at].node].outputs) {
      const size_t number = order[at].again ? values + output : output;
      if (root_[number] != number) continue;
      const auto bytes = static_cast<double>(program.type(output).size_bytes());
      change[at] += bytes;
      change[last_[number] + 1] -= bytes;
    }
  }
  double live = 0;
  for (size_t at = 0; at < order.size(); ++at) {
    live += change[at];
    if (live <= peak_bytes_) continue;
    peak_ = at;
    peak_bytes_ = live;
  }
}

Doubling::Doubling(const Program &program)
    : program_(program),
      lives_(program, as_it_is(program)),
      peak_(static_cast<NodeId>(lives_.peak())) {
  for (const Node &node : program.nodes()) work_.push_back(work_of(program, node));
}

NodeId Doubling::peak_end() const {
  return static_cast<NodeId>(std::min<size_t>(peak_ + 1, program_.nodes().size()));
}

bool Doubling::is_view(NodeId id) const {
  return program_.nodes()[id].op->group == OpGroup::kView;
}

bool Doubling::is_output(NodeId id) const {
  return std::ranges::any_of(program_.nodes()[id].outputs, [&](ValueId value) {
    return lives_.last(value) == program_.nodes().size();
  });
}

bool Doubling::waits(NodeId id) const {
  return !is_view(id) && !is_output(id) &&
         std::ranges::any_of(program_.nodes()[id].outputs,
                             [&](ValueId value) { return lives_.last(value) > peak_; });
}

double Doubling::bytes(NodeId id) const {
  double total = 0;
  if (is_view(id)) return total;
  for (const ValueId output : program_.nodes()[id].outputs)
    total += static_cast<double>(program_.type(output).size_bytes());
  return total;
}

double Doubling::dearness(NodeId id) const {
  return work_[id] / std::max(1.0, bytes(id));
}

// So that 1/n, 2/n, … of the bytes that wait are made again; rising.
std::vector<double> Doubling::dearness_levels() const {
  std::vector<std::pair<double, double>> all;  // dearness, bytes
  double total = 0;
  for (NodeId id = 0; id < peak_end(); ++id) {
    if (!waits(id)) continue;
    all.emplace_back(dearness(id), bytes(id));
    total += bytes(id);
  }
  std::ranges::sort(all);
  std::vector<double> levels;
  double sum = 0;
  for (const auto &[dear, size] : all) {
    sum += size;
    while (levels.size() < kDearnessLevels &&
           sum * kDearnessLevels >= total * static_cast<double>(levels.size() + 1))
      levels.push_back(dear);
  }
  if (!all.empty()) levels.push_back(all.back().first);
  return levels;
}

std::vector<Doubling::Limits> Doubling::limits() const {
  std::vector<Limits> all;
  for (const double level : dearness_levels()) {
    all.push_back({level, std::numeric_limits<double>::infinity(), peak_end()});
    for (int k = 1; k <= kSegmentLevels; ++k)
      all.push_back({level, lives_.peak_bytes() / std::pow(kSegmentStep, k), peak_end()});
  }
  return all;
}

Doubling::Choice Doubling::choose(const Limits &limits) const {
  const NodeId count = limits.end;
  std::vector<bool> again(count, false);
  std::vector<double> chain(count, 0);  // bytes made again for it from what is kept
  for (NodeId id = 0; id < count; ++id) {
    double kept_alive = 0;  // what would have to live on for it
    chain[id] = bytes(id);
    bool source_again = false;
    for (const ValueId input : program_.nodes()[id].inputs) {
      const NodeId from = program_.value(input).producer;
      if (from == kNoNode) continue;
      source_again = source_again || again[from];
      if (again[from]) {
        chain[id] += chain[from];
      } else if (lives_.last(input) <= peak_) {
        kept_alive += static_cast<double>(program_.type(input).size_bytes());
      }
    }
    // A view is what it looks at.
    again[id] = is_view(id) ? source_again
                            : dearness(id) <= limits.dearness && chain[id] <= limits.segment &&
                                  kept_alive < bytes(id) && !is_output(id);
  }
  // What waits and is made again, and everything between it and what is kept.
  Choice made{std::vector<bool>(count, false)};
  for (NodeId id = count; id-- > 0;) {
    if (!again[id] || !(made.nodes[id] || waits(id))) {
      made.nodes[id] = false;
      continue;
    }
    made.nodes[id] = true;
    ++made.count;
    made.work += work_[id];
    for (const ValueId input : program_.nodes()[id].inputs) {
      const NodeId from = program_.value(input).producer;
      if (from != kNoNode) made.nodes[from] = true;  // wanted; settled when its turn comes
    }
  }
  return made;
}

// A view of something that is made again is made again too. kNoNode, as of inputs, is beyond all nodes.
bool Doubling::is_doubled(NodeId id, const Choice &choice) const {
  NodeId at = id;
  while (at < choice.nodes.size() && is_view(at) && !choice.nodes[at])
    at = program_.value(program_.nodes()[at].inputs[0]).producer;
  return at < choice.nodes.size() && choice.nodes[at];
}

std::vector<Turn> Doubling::order(const Choice &choice) const {
  std::vector<Turn> order;
  std::vector<bool> made(choice.nodes.size(), false);
  std::vector<NodeId> wanted;
  const auto want = [&](const Node &user) {
    for (const ValueId input : user.inputs) {
      const NodeId from = program_.value(input).producer;
      if (from >= made.size() || made[from] || !is_doubled(from, choice)) continue;
      made[from] = true;
      wanted.push_back(from);
    }
  };
  for (NodeId id = 0; id < program_.nodes().size(); ++id) {
    if (id > peak_) {
      wanted.clear();
      want(program_.nodes()[id]);
      for (size_t i = 0; i < wanted.size(); ++i) want(program_.nodes()[NodeId{wanted[i]}]);
      std::ranges::sort(wanted);
      for (const NodeId each : wanted) order.push_back({each, true});
    }
    order.push_back({id, false});
  }
  return order;
}

double Doubling::peak_bytes(const Choice &choice) const {
  return Lives(program_, order(choice)).peak_bytes();
}

Result<Program> Doubling::build(const Choice &choice) const {
  ProgramBuilder target;
  ProgramCopy first(program_, target);
  constexpr ValueId kNone = UINT32_MAX;
  std::vector<ValueId> second(program_.values().size(), kNone);
  for (const Turn &turn : order(choice)) {
    const Node &node = program_.nodes()[turn.node];
    std::vector<ValueId> inputs;
    for (const ValueId input : node.inputs)
      inputs.push_back(second[input] != kNone ? second[input] : first.at(input));
    target.set_place(node.place);
    const std::vector<ValueId> made = target.add(node.op->name, inputs, node.attributes);
    target.set_place(nullptr);
    for (size_t i = 0; i < node.outputs.size() && i < made.size(); ++i) {
      if (turn.again) {
        second[node.outputs[i]] = made[i];
      } else {
        first.set(node.outputs[i], made[i]);
      }
    }
  }
  first.outputs();
  return target.finish();
}

}  // namespace flame
