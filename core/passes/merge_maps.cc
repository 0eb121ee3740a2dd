#include "core/passes/merge_maps.h"

#include <algorithm>
#include <cmath>

#include "core/ops/catalogue/costs.h"
#include "core/ops/catalogue/map_rules.h"
#include "core/ops/catalogue/terms.h"
#include "core/passes/map_form.h"
#include "core/passes/uses.h"
#include "core/program/rewrite.h"

namespace flame {
namespace {

// What may be computed anew for each element of a larger map, or by each of several users.
constexpr int kCheap = 4;
// Values that would live on for a user that is farther away than this cost memory.
constexpr NodeId kNear = 64;
constexpr int64_t kMaxExactInteger = int64_t{1} << 24;

class Merger {
 public:
  Merger(const Program &program, MergeLimits limits, MergeCounts &counts)
      : program_(program), limits_(limits), counts_(counts), uses_(program) {
    for (const Node &node : program.nodes()) forms_.push_back(map_form(program, node));
    changed_.resize(forms_.size(), false);
    users_.resize(forms_.size());
  }

  Result<Program> run() {
    for (NodeId id = 0; id < forms_.size(); ++id) {
      if (forms_[id]) absorb(id);
    }
    return emit();
  }

 private:
  // A producer's form as the user at hand sees it, and which of its outputs that is.
  struct Source {
    NodeId node = kNoNode;
    size_t output = 0;
    MapForm form;
  };

  const Node &node(NodeId id) const { return program_.nodes()[id]; }

  // Who takes a map's outputs, seen through one reshape each.
  struct Users {
    bool is_output = false;  // the program's caller is among them
    bool all_maps = true;
    std::vector<NodeId> nodes;  // the first two
  };

  const Users &users(NodeId id) {
    std::optional<Users> &known = users_[id];
    if (known) return *known;
    known.emplace();
    const auto add = [&](NodeId user) {
      known->all_maps = known->all_maps && forms_[user].has_value();
      const bool fresh = std::ranges::find(known->nodes, user) == known->nodes.end();
      if (fresh && known->nodes.size() < 2) known->nodes.push_back(user);
    };
    for (const ValueId output : node(id).outputs) {
      known->is_output = known->is_output || uses_.is_output(output);
      for (const NodeId user : uses_.of(output)) {
        if (node(user).op->name != "reshape") {
          add(user);
          continue;
        }
        const ValueId behind = node(user).outputs[0];
        known->is_output = known->is_output || uses_.is_output(behind);
        for (const NodeId further : uses_.of(behind)) add(further);
      }
    }
    return *known;
  }

  // The map that makes an input, maybe behind a reshape.
  std::optional<Source> find_source(const MapInput &input) const {
    ValueId value = input.value;
    NodeId producer = program_.value(value).producer;
    if (producer != kNoNode && node(producer).op->name == "reshape") {
      value = node(producer).inputs[0];
      producer = program_.value(value).producer;
    }
    if (producer == kNoNode || !forms_[producer]) return {};
    const MapForm &form = *forms_[producer];
    if (form.shape == input.shape)
      return Source{producer, program_.value(value).output_index, form};
    if (form.element_count() != input.shape.element_count()) return {};
    std::optional<MapForm> seen = reshaped(form, input.shape);
    if (!seen) return {};
    return Source{producer, program_.value(value).output_index, std::move(*seen)};
  }

  // Sizes are added up as doubles: sums of sizes that are possible need not fit int64_t.
  double bytes_of(const MapInput &input) const {
    return static_cast<double>(program_.type(input.value).size_bytes());
  }

  double output_bytes(NodeId id) const {
    double bytes = 0;
    for (const ValueId output : node(id).outputs)
      bytes += static_cast<double>(program_.type(output).size_bytes());
    return bytes;
  }

  // The bytes of inputs that nobody else needs as late as `user`.
  double kept_alive_bytes(const MapForm &form, NodeId user) const {
    double bytes = 0;
    for (const MapInput &input : form.inputs) {
      const bool weight = program_.value(input.value).producer == kNoNode;
      if (weight || uses_.is_output(input.value)) continue;
      if (uses_.of(input.value).back() < user) bytes += bytes_of(input);
    }
    return bytes;
  }

  bool worth_it(const Source &source, const MapForm &into, NodeId user) {
    if (!may_skip_memory(program_, source.form, source.output)) return false;
    if (source.form.wide != into.wide) return false;
    const int cost = cost_of(source.form.code);
    if (source.form.element_count() < into.element_count() && cost > kCheap) return false;
    const Users &all = users(source.node);
    if (all.is_output) return false;
    const double stored = output_bytes(source.node);
    if (all.nodes.size() == 1) {
      return user - source.node <= kNear || kept_alive_bytes(source.form, user) <= stored;
    }
    double read = 0;
    for (const MapInput &input : source.form.inputs) read += bytes_of(input);
    return all.all_maps && cost <= kCheap && read <= stored;
  }

  // A filled tensor as a number in the code.
  std::optional<MapOperand> constant_of(const MapInput &input) const {
    const NodeId producer = program_.value(input.value).producer;
    if (producer == kNoNode || node(producer).op->name != "fill") return {};
    const double value = node(producer).attributes.number("value");
    switch (program_.type(input.value).dtype) {
      case DType::kF64:
        return MapOperand{MapOperand::Kind::kFloat, 0, 0, value};
      case DType::kF32:
        return MapOperand{MapOperand::Kind::kFloat, 0, 0, double{static_cast<float>(value)}};
      case DType::kI64:
      case DType::kI32:
        if (std::abs(value) > kMaxExactInteger) return {};
        return MapOperand{MapOperand::Kind::kInteger, 0, static_cast<int64_t>(value), 0};
      default:
        return {};
    }
  }

  // The source of a broadcast: maps broadcast their inputs themselves.
  MapInput without_broadcast(const MapInput &input) const {
    const NodeId producer = program_.value(input.value).producer;
    if (producer == kNoNode || node(producer).op->name != "broadcast_to") return input;
    if (program_.type(input.value).shape != input.shape) return input;
    const ValueId source = node(producer).inputs[0];
    return {source, program_.type(source).shape};
  }

  // What an input becomes.
  struct Replacement {
    std::optional<Source> source;
    std::optional<MapOperand> constant;
    MapInput plain;
  };

  static size_t distinct(std::vector<MapInput> inputs) {
    size_t count = 0;
    for (size_t i = 0; i < inputs.size(); ++i) {
      const auto place = inputs.begin() + static_cast<std::ptrdiff_t>(i);
      count += std::find(inputs.begin(), place, inputs[i]) == place;
    }
    return count;
  }

  // The inputs that the form has once replacement `last` stands and the ones behind it do not.
  static std::vector<MapInput> inputs_with(const std::vector<Replacement> &replacements) {
    std::vector<MapInput> inputs;
    for (const Replacement &replacement : replacements) {
      if (replacement.source) {
        const auto &more = replacement.source->form.inputs;
        inputs.insert(inputs.end(), more.begin(), more.end());
      } else if (!replacement.constant) {
        inputs.push_back(replacement.plain);
      }
    }
    return inputs;
  }

  // Takes as many producers into the map as the limits allow.
  void absorb(NodeId id) {
    const MapForm &form = *forms_[id];
    std::vector<Replacement> replacements;
    for (const MapInput &input : form.inputs) replacements.push_back({{}, {}, input});
    size_t instructions = form.code.instructions.size();
    bool any = false;
    for (Replacement &replacement : replacements) {
      const Replacement before = replacement;
      replacement.plain = without_broadcast(before.plain);
      replacement.constant = constant_of(replacement.plain);
      if (!replacement.constant) replacement.source = find_source(replacement.plain);
      if (replacement.source && !worth_it(*replacement.source, form, id))
        replacement.source.reset();
      size_t more = replacement.source ? replacement.source->form.code.instructions.size() : 0;
      if (!fits(form, replacements, instructions + more)) {
        replacement = before;
        more = 0;
      }
      instructions += more;
      any = any || replacement.source || replacement.constant || replacement.plain != before.plain;
    }
    if (any) replace(id, replacements);
  }

  bool fits(const MapForm &form, const std::vector<Replacement> &replacements,
            size_t instructions) const {
    if (instructions > std::max(limits_.instructions, form.code.instructions.size())) return false;
    const std::vector<MapInput> inputs = inputs_with(replacements);
    if (inputs.empty() || distinct(inputs) > std::max(limits_.inputs, form.inputs.size()))
      return false;
    return broadcast_shape(inputs) == form.shape &&
           computes_wide(program_, inputs, form.dtypes) == form.wide;
  }

  void replace(NodeId id, const std::vector<Replacement> &replacements) {
    MapForm made;
    MapCodeBuilder builder;
    const auto bind = [&](const MapInput &input) {
      const auto place = std::ranges::find(made.inputs, input);
      const auto index = static_cast<uint32_t>(place - made.inputs.begin());
      if (place == made.inputs.end()) made.inputs.push_back(input);
      return MapOperand{MapOperand::Kind::kInput, index, 0, 0};
    };
    std::vector<MapOperand> operands;
    size_t merged = 0;
    size_t constants = 0;
    for (const Replacement &replacement : replacements) {
      if (replacement.source) {
        std::vector<MapOperand> bound;
        for (const MapInput &input : replacement.source->form.inputs) bound.push_back(bind(input));
        operands.push_back(
            builder.splice(replacement.source->form.code, bound)[replacement.source->output]);
        ++merged;
      } else if (replacement.constant) {
        operands.push_back(*replacement.constant);
        ++constants;
      } else {
        operands.push_back(bind(replacement.plain));
      }
    }
    const MapForm &before = *forms_[id];
    const std::vector<MapOperand> outputs = builder.splice(before.code, operands);
    std::vector<uint32_t> used;
    made.code = builder.finish(outputs, used);
    std::vector<MapInput> inputs;
    for (const uint32_t index : used) inputs.push_back(made.inputs[index]);
    made.inputs = std::move(inputs);
    made.dtypes = before.dtypes;
    made.shape = before.shape;
    made.wide = before.wide;
    // An input that no instruction reads may have given the shape or the width.
    const bool right = !made.inputs.empty() && broadcast_shape(made.inputs) == made.shape &&
                       computes_wide(program_, made.inputs, made.dtypes) == made.wide &&
                       std::ranges::all_of(made.code.outputs, [](const MapOperand &output) {
                         return output.kind <= MapOperand::Kind::kResult;
                       });
    if (!right) return;
    forms_[id] = std::move(made);
    changed_[id] = true;
    counts_.merged += merged;
    counts_.constants += constants;
  }

  // The nodes that the outputs need, with what the maps take now.
  std::vector<bool> live_nodes() const {
    std::vector<bool> live(program_.values().size(), false);
    for (const NamedValue &output : program_.outputs()) live[output.value] = true;
    std::vector<bool> wanted(forms_.size(), false);
    for (size_t id = forms_.size(); id-- > 0;) {
      const Node &at = program_.nodes()[id];
      wanted[id] = std::ranges::any_of(at.outputs, [&](ValueId value) { return live[value]; });
      if (!wanted[id]) continue;
      if (changed_[id]) {
        for (const MapInput &input : forms_[id]->inputs) live[input.value] = true;
      } else {
        for (const ValueId input : at.inputs) live[input] = true;
      }
    }
    return wanted;
  }

  Result<Program> emit() {
    const std::vector<bool> wanted = live_nodes();
    ProgramBuilder target;
    ProgramCopy copy(program_, target);
    for (NodeId id = 0; id < forms_.size(); ++id) {
      if (!wanted[id]) continue;
      if (changed_[id]) {
        add_map(id, target, copy);
      } else {
        copy.add(node(id), target);
      }
    }
    copy.outputs();
    return target.finish();
  }

  void add_map(NodeId id, ProgramBuilder &target, ProgramCopy &copy) const {
    const MapForm &form = *forms_[id];
    target.set_place(node(id).place);
    std::vector<Term> inputs;
    for (const MapInput &input : form.inputs) {
      inputs.push_back(reshape(target.term(copy.at(input.value)), input.shape));
    }
    const std::vector<Term> made = map_many(write_map_code(form.code), inputs, form.dtypes);
    target.set_place(nullptr);
    for (size_t i = 0; i < node(id).outputs.size() && i < made.size(); ++i) {
      copy.set(node(id).outputs[i], made[i].id());
    }
  }

  const Program &program_;
  MergeLimits limits_;
  MergeCounts &counts_;
  Uses uses_;
  std::vector<std::optional<MapForm>> forms_;  // as far as merged; nothing for other ops
  std::vector<bool> changed_;
  std::vector<std::optional<Users>> users_;  // as far as asked for
};

}  // namespace

Result<Program> merge_maps(const Program &program, MergeLimits limits, MergeCounts *counts) {
  MergeCounts unwanted;
  return Merger(program, limits, counts ? *counts : unwanted).run();
}

}  // namespace flame
