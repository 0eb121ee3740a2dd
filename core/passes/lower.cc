#include "core/passes/lower.h"

#include <fmt/core.h>

#include <algorithm>
#include <map>
#include <unordered_map>

#include "core/program/rewrite.h"

namespace flame {
namespace {

// Decompositions end after two or three steps; this is a guard against an op that names itself.
constexpr int kMaxSteps = 16;
constexpr std::string_view kGradientSuffix = "_grad";

// The target's answers, asked once for each kind of op.
class Verdicts {
 public:
  explicit Verdicts(Target &target) : target_(target) {}

  // Empty: it can. Lives as long as the object.
  Result<const std::string *> refusal(const Program &program, const Node &node) {
    std::string key(node.op->name);
    std::vector<TypedView> views;
    for (const auto *list : {&node.inputs, &node.outputs}) {
      key += '|';
      for (const ValueId value : *list) {
        key += program.type(value).text();
        views.push_back(TypedView::contiguous(program.type(value)));
      }
    }
    for (const auto &[name, value] : node.attributes.entries()) key += '|' + text_of(value);
    const auto known = refusals_.find(key);
    if (known != refusals_.end()) return &known->second;
    const std::span all(views);
    FLAME_ASSIGN(const OpAnswer answer,
                 target_.probe(node.op->name, node.attributes, all.first(node.inputs.size()),
                               all.subspan(node.inputs.size())));
    std::string reason = answer.info             ? ""
                         : answer.reason.empty() ? "no reason given"
                                                 : answer.reason;
    return &refusals_.emplace(std::move(key), std::move(reason)).first->second;
  }

 private:
  Target &target_;
  std::unordered_map<std::string, std::string> refusals_;
};

bool may_be_taken_apart(const Node &node) {
  return node.op->group == OpGroup::kOptional && node.op->decompose;
}

// "attention" for "attention_grad", else nothing.
std::string_view forward_name(const Node &node) {
  const std::string_view name = node.op->name;
  return name.ends_with(kGradientSuffix) ? name.substr(0, name.size() - kGradientSuffix.size())
                                         : std::string_view();
}

// For each gradient op of a fused op, the node it is the gradient of: the one whose output it
// takes, or, where nothing is saved (geglu), the one with the same last input.
std::vector<std::pair<NodeId, NodeId>> find_pairs(const Program &program) {
  std::vector<std::pair<NodeId, NodeId>> pairs;
  std::map<std::pair<std::string_view, ValueId>, NodeId> by_input;
  for (NodeId id = 0; id < program.nodes().size(); ++id) {
    const Node &node = program.nodes()[id];
    if (!may_be_taken_apart(node)) continue;
    const std::string_view forward = forward_name(node);
    if (forward.empty()) {
      for (const ValueId input : node.inputs) by_input.try_emplace({node.op->name, input}, id);
      continue;
    }
    NodeId found = kNoNode;
    for (const ValueId input : node.inputs) {
      const NodeId producer = program.value(input).producer;
      if (producer != kNoNode && program.nodes()[producer].op->name == forward) found = producer;
    }
    for (size_t i = 0; found == kNoNode && i < node.inputs.size(); ++i) {
      const auto same = by_input.find({forward, node.inputs[i]});
      if (same != by_input.end()) found = same->second;
    }
    if (found != kNoNode) pairs.emplace_back(found, id);
  }
  return pairs;
}

// Why each node is to be taken apart; null for those that stay.
Result<std::vector<const std::string *>> choose(const Program &program, Verdicts &verdicts) {
  std::vector<const std::string *> reasons(program.nodes().size(), nullptr);
  for (NodeId id = 0; id < program.nodes().size(); ++id) {
    const Node &node = program.nodes()[id];
    if (!may_be_taken_apart(node)) continue;
    FLAME_ASSIGN(const std::string *reason, verdicts.refusal(program, node));
    if (!reason->empty()) reasons[id] = reason;
  }
  // Several gradients may hang on one forward op: first they tell it, then it tells them all.
  const auto pairs = find_pairs(program);
  for (const auto &[forward, backward] : pairs) {
    if (reasons[backward] && !reasons[forward]) reasons[forward] = reasons[backward];
  }
  for (const auto &[forward, backward] : pairs) {
    if (reasons[forward] && !reasons[backward]) reasons[backward] = reasons[forward];
  }
  return reasons;
}

// One step: the chosen nodes in the ops that their decompositions name.
Result<Program> take_apart(const Program &program, const std::vector<const std::string *> &chosen) {
  ProgramBuilder target;
  bool outermost = false;
  ExpandingBuilder once(target, [&](const OpCall &) { return std::exchange(outermost, false); });
  ProgramCopy copy(program, target);
  for (NodeId id = 0; id < program.nodes().size(); ++id) {
    outermost = chosen[id] != nullptr;
    copy.add(program.nodes()[id], outermost ? static_cast<OpBuilder &>(once) : target);
  }
  copy.outputs();
  return target.finish();
}

}  // namespace

Result<Lowered> lower(const Program &program, Target &target) {
  Lowered lowered{program, {}};
  Verdicts verdicts(target);
  std::map<std::string, TakenApart> taken;
  for (int step = 0; step < kMaxSteps; ++step) {
    FLAME_ASSIGN(const auto chosen, choose(lowered.program, verdicts));
    if (std::ranges::count(chosen, nullptr) == std::ssize(chosen)) break;
    for (NodeId id = 0; id < chosen.size(); ++id) {
      if (!chosen[id]) continue;
      const std::string name(lowered.program.nodes()[id].op->name);
      TakenApart &entry = taken.try_emplace(name, TakenApart{name, 0, *chosen[id]}).first->second;
      ++entry.count;
    }
    FLAME_ASSIGN(lowered.program, take_apart(lowered.program, chosen));
  }
  for (auto &[name, entry] : taken) lowered.taken_apart.push_back(std::move(entry));
  return lowered;
}

}  // namespace flame
