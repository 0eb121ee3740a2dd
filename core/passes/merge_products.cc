#include "core/passes/merge_products.h"

#include <map>
#include <tuple>
#include <unordered_map>
#include <unordered_set>

#include "core/ops/catalogue/terms.h"
#include "core/program/rewrite.h"

namespace flame {
namespace {

constexpr int64_t kMostRows = 128;  // of one weight
constexpr int64_t kMostRowsTogether = 512;

class Merger {
 public:
  explicit Merger(const Program &program) : program_(program), copy_(program, target_) {
    for (const Parameter &parameter : program.parameters())
      if (parameter.trainable) trained_.insert(parameter.value);
    find_groups();
  }

  Result<Program> run(size_t &merged) {
    for (NodeId id = 0; id < program_.nodes().size(); ++id) {
      const Node &node = program_.nodes()[id];
      const auto found = group_of_.find(id);
      const Group *group = found == group_of_.end() ? nullptr : &groups_[found->second];
      if (!group || group->members.size() == 1) {
        copy_.add(node, target_);
      } else if (group->members.front() == id) {
        multiply(*group);
        merged += group->members.size() - 1;
      }
    }
    copy_.outputs();
    return target_.finish();
  }

 private:
  struct Group {
    int64_t rows = 0;
    std::vector<NodeId> members;
    std::vector<ValueId> parameters;  // of the members, in their order
  };
  // x, the type that is multiplied and the type of the parameters.
  using Key = std::tuple<ValueId, DType, DType>;

  const TensorType &type(ValueId value) const { return program_.type(value); }

  // The trained parameter that is the weight, or that it is the cast of; 0 if there is none.
  ValueId parameter_of(ValueId weight) const {
    if (trained_.count(weight)) return weight;
    const NodeId producer = program_.value(weight).producer;
    if (producer == kNoNode) return 0;
    const std::string_view op = program_.nodes()[producer].op->name;
    if (op != "cast" && op != "copy") return 0;
    const ValueId from = program_.nodes()[producer].inputs[0];
    return trained_.count(from) ? from : 0;
  }

  void find_groups() {
    for (NodeId id = 0; id < program_.nodes().size(); ++id) {
      const Node &node = program_.nodes()[id];
      if (node.op->name != "linear" || node.inputs.size() != 2) continue;
      const ValueId parameter = parameter_of(node.inputs[1]);
      if (parameter == 0) continue;
      const int64_t rows = type(parameter).shape[0];
      if (rows == 0 || rows > kMostRows) continue;
      const Key key{node.inputs[0], type(node.inputs[1]).dtype, type(parameter).dtype};
      const auto [open, fresh] = open_.emplace(key, groups_.size());
      if (fresh || groups_[open->second].rows + rows > kMostRowsTogether) {
        open->second = groups_.size();
        groups_.emplace_back();
      }
      Group &group = groups_[open->second];
      group.rows += rows;
      group.members.push_back(id);
      group.parameters.push_back(parameter);
      group_of_[id] = open->second;
    }
  }

  void multiply(const Group &group) {
    const Node &first = program_.nodes()[group.members.front()];
    target_.set_place(first.place);
    std::vector<Term> weights;
    std::vector<int64_t> rows;
    for (const ValueId parameter : group.parameters) {
      weights.push_back(target_.term(copy_.at(parameter)));
      rows.push_back(type(parameter).shape[0]);
    }
    const Term x = target_.term(copy_.at(first.inputs[0]));
    const Term weight = cast(concat(weights, 0), type(first.inputs[1]).dtype);
    const std::vector<Term> answers = apply("split", {apply_one("linear", {x, weight})},
                                            {{"axis", int64_t{-1}}, {"sizes", rows}});
    for (size_t i = 0; i < group.members.size(); ++i)
      copy_.set(program_.nodes()[group.members[i]].outputs[0], answers[i].id());
    target_.set_place(nullptr);
  }

  const Program &program_;
  std::unordered_set<ValueId> trained_;
  std::vector<Group> groups_;
  std::map<Key, size_t> open_;  // the group that takes the next of its sort
  std::unordered_map<NodeId, size_t> group_of_;
  ProgramBuilder target_;
  ProgramCopy copy_;
};

}  // namespace

Result<Program> merge_products(const Program &program, size_t *merged) {
  size_t unwanted = 0;
  return Merger(program).run(merged ? *merged : unwanted);
}

}  // namespace flame
