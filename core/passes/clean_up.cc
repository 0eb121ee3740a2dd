#include "core/passes/clean_up.h"

#include <algorithm>
#include <unordered_set>

#include "core/ops/catalogue/terms.h"
#include "core/program/rewrite.h"

namespace flame {

Result<Program> without_unused_parameters(const Program &program) {
  std::vector<bool> used(program.values().size(), false);
  for (const Node &node : program.nodes())
    for (const ValueId input : node.inputs) used[input] = true;
  for (const NamedValue &output : program.outputs()) used[output.value] = true;
  for (const NamedValue &input : program.inputs()) used[input.value] = true;
  ProgramBuilder builder;
  ProgramCopy copy(program, builder, [&](std::string_view, ValueId value) {
    return used[value] ? 0 : ProgramCopy::kLeftOut;
  });
  for (const Node &node : program.nodes()) copy.add(node, builder);
  copy.outputs();
  return builder.finish();
}

bool is_lossless(DType from, DType to) {
  if (from == to) return true;
  if (!is_float(from) || !is_float(to)) return false;
  if (to == DType::kF64) return true;
  if (to == DType::kF32) return from != DType::kF64;
  return is_f8(from) && !is_f8(to);
}

namespace {

size_t mixed(size_t seed, size_t value) {
  return seed ^ (value + 0x9e3779b97f4a7c15u + (seed << 6) + (seed >> 2));
}

template <typename T>
size_t hash_of(const T &value) {
  return std::hash<T>()(value);
}
template <typename T>
size_t hash_of(const std::vector<T> &values) {
  size_t hash = values.size();
  for (const T &value : values) hash = mixed(hash, hash_of(value));
  return hash;
}

// Nodes by what they do. The list outlives the object.
struct Same {
  const std::vector<Node> *nodes;

  size_t operator()(NodeId id) const {
    const Node &node = (*nodes)[id];
    size_t hash = mixed(hash_of(node.op), hash_of(node.inputs));
    for (const auto &[name, value] : node.attributes.entries()) {
      hash = mixed(hash, std::visit([](const auto &held) { return hash_of(held); }, value));
    }
    return hash;
  }
  bool operator()(NodeId a, NodeId b) const {
    const Node &left = (*nodes)[a];
    const Node &right = (*nodes)[b];
    return left.op == right.op && left.inputs == right.inputs &&
           left.attributes == right.attributes;
  }
};

class Cleaner {
 public:
  Cleaner(const Program &program, CleanUpOptions options, CleanUpCounts &counts)
      : program_(program),
        options_(options),
        counts_(counts),
        nodes_(program.nodes()),
        same_(program.values().size()),
        live_(program.values().size(), false) {
    for (ValueId value = 0; value < same_.size(); ++value) same_[value] = value;
  }

  Result<Program> run() {
    std::unordered_set<NodeId, Same, Same> known(nodes_.size() * 2 + 1, Same{&nodes_},
                                                 Same{&nodes_});
    std::vector<bool> dropped(nodes_.size(), false);
    for (NodeId id = 0; id < nodes_.size(); ++id) {
      Node &node = nodes_[id];
      for (ValueId &input : node.inputs) input = same_[input];
      shorten(node);
      if (is_idle(node)) {
        same_[node.outputs[0]] = node.inputs[0];
        ++counts_.idle;
        dropped[id] = true;
        continue;
      }
      const auto [place, fresh] = known.insert(id);
      if (fresh) continue;
      const Node &earlier = nodes_[*place];
      for (size_t i = 0; i < node.outputs.size(); ++i) same_[node.outputs[i]] = earlier.outputs[i];
      ++counts_.equal;
      dropped[id] = true;
    }
    return emit(dropped);
  }

 private:
  const TensorType &type(ValueId value) const { return program_.type(value); }

  static bool is_cast(const Node &node) {
    return node.op->name == "copy" || node.op->name == "cast";
  }

  // Takes the input of the input where the step between adds nothing.
  void shorten(Node &node) {
    if (node.inputs.size() != 1) return;
    const NodeId producer = program_.value(node.inputs[0]).producer;
    if (producer == kNoNode) return;
    const Node &before = nodes_[producer];
    const bool reshapes = node.op->name == "reshape" && before.op->name == "reshape";
    const bool casts = is_cast(node) && is_cast(before) &&
                       is_lossless(type(before.inputs[0]).dtype, type(before.outputs[0]).dtype);
    if (reshapes || casts) node.inputs[0] = before.inputs[0];
  }

  bool is_idle(const Node &node) const {
    if (node.inputs.size() != 1 || node.outputs.size() != 1) return false;
    if (type(node.inputs[0]) != type(node.outputs[0])) return false;
    const std::string_view op = node.op->name;
    if (op == "permute") return std::ranges::is_sorted(node.attributes.integers("axes"));
    // A slice of the same shape and a positive step is the whole.
    if (op == "slice") return node.attributes.integer("step") == 1;
    if (op == "stop_gradient") return options_.drop_stop_gradient;
    return is_cast(node) || op == "reshape" || op == "broadcast_to";
  }

  Result<Program> emit(const std::vector<bool> &dropped) {
    for (const NamedValue &output : program_.outputs()) live_[same_[output.value]] = true;
    std::vector<bool> wanted(nodes_.size(), false);
    for (size_t id = nodes_.size(); id-- > 0;) {
      if (dropped[id]) continue;
      const Node &node = nodes_[id];
      wanted[id] = std::ranges::any_of(node.outputs, [&](ValueId value) { return live_[value]; });
      if (!wanted[id]) {
        ++counts_.dead;
        continue;
      }
      for (const ValueId input : node.inputs) live_[input] = true;
    }
    ProgramBuilder target;
    ProgramCopy copy(program_, target);
    for (NodeId id = 0; id < nodes_.size(); ++id) {
      if (wanted[id]) copy.add(nodes_[id], target);
    }
    for (const NamedValue &output : program_.outputs()) {
      target.output(output.name, copy.at(same_[output.value]));
    }
    return target.finish();
  }

  const Program &program_;
  CleanUpOptions options_;
  CleanUpCounts &counts_;
  std::vector<Node> nodes_;  // with their inputs replaced
  std::vector<ValueId> same_;
  std::vector<bool> live_;
};

}  // namespace

Result<Program> clean_up(const Program &program, CleanUpOptions options, CleanUpCounts *counts) {
  CleanUpCounts unwanted;
  return Cleaner(program, options, counts ? *counts : unwanted).run();
}

}  // namespace flame
