#include "core/passes/patterns.h"

#include <algorithm>
#include <map>
#include <optional>

#include "core/ops/catalogue/terms.h"
#include "core/passes/uses.h"
#include "core/program/rewrite.h"

namespace flame {
namespace {

bool is_map(const Node &node, std::string_view code) {
  return node.op->name == "map" && node.outputs.size() == 1 && node.attributes.text("code") == code;
}

// What the replaced nodes have in common: each is dropped, and another takes its work.
class Rewriter {
 public:
  Rewriter(const Program &program)
      : program_(program), uses_(program), dropped_(program.nodes().size(), false) {}

 protected:
  const Node &node(NodeId id) const { return program_.nodes()[id]; }
  const TensorType &type(ValueId value) const { return program_.type(value); }

  // The node of that op that makes the value, if only `user` takes it.
  const Node *producer(ValueId value, NodeId user) const {
    const NodeId id = program_.value(value).producer;
    return id != kNoNode && uses_.only(value) == user && !dropped_[id] ? &node(id) : nullptr;
  }
  NodeId producer_id(ValueId value) const { return program_.value(value).producer; }

  const Program &program_;
  Uses uses_;
  std::vector<bool> dropped_;  // their work is done by a replacement
};

class Patterns : Rewriter {
 public:
  Patterns(const Program &program, PatternCounts &counts) : Rewriter(program), counts_(counts) {}

  Result<Program> run() {
    for (NodeId id = 0; id < program_.nodes().size(); ++id) {
      if (is_map(node(id), "add x0 x1")) find_bias(id);
      if (is_map(node(id), "silu x0")) find_activation(id);
    }
    ProgramBuilder target;
    ProgramCopy copy(program_, target);
    for (NodeId id = 0; id < program_.nodes().size(); ++id) {
      const auto found = replacements_.find(id);
      if (found != replacements_.end()) {
        copy.add(found->second, target);
      } else if (!dropped_[id]) {
        copy.add(node(id), target);
      }
    }
    copy.outputs();
    return target.finish();
  }

 private:
  void find_bias(NodeId id) {
    const Node &sum = node(id);
    for (size_t side = 0; side < 2; ++side) {
      const Node *product = producer(sum.inputs[side], id);
      if (!product || (product->op->name != "linear" && product->op->name != "conv2d")) continue;
      const ValueId bias = sum.inputs[1 - side];
      const TensorType &given = type(product->outputs[0]);
      const TensorType wanted{given.dtype, {given.shape.back(0)}};
      if (product->inputs.size() != 2 || type(bias) != wanted || type(sum.outputs[0]) != given)
        continue;
      Node merged = *product;
      merged.inputs.push_back(bias);
      merged.outputs = sum.outputs;
      dropped_[producer_id(sum.inputs[side])] = true;
      replacements_.emplace(id, std::move(merged));
      ++counts_.biases;
      return;
    }
  }

  // The statistics keep their users, so the norm stays where it is and silu's output becomes its.
  void find_activation(NodeId id) {
    const Node &silu = node(id);
    const Node *norm = producer(silu.inputs[0], id);
    if (!norm || norm->op->name != "group_norm" || norm->outputs[0] != silu.inputs[0]) return;
    if (!norm->attributes.text("activation").empty() ||
        type(silu.outputs[0]) != type(silu.inputs[0]))
      return;
    Node merged = *norm;
    merged.attributes.set("activation", std::string("silu"));
    merged.outputs[0] = silu.outputs[0];
    dropped_[id] = true;
    replacements_.emplace(producer_id(silu.inputs[0]), std::move(merged));
    ++counts_.activations;
  }

  PatternCounts &counts_;
  std::map<NodeId, Node> replacements_;
};

class Addends : Rewriter {
 public:
  Addends(const Program &program, Target &target, PatternCounts &counts)
      : Rewriter(program), target_(target), counts_(counts) {}

  Result<Program> run() {
    for (NodeId id = 0; id < program_.nodes().size(); ++id) {
      if (is_map(node(id), "add x0 x1")) FLAME_TRY(find(id));
    }
    ProgramBuilder target;
    ProgramCopy copy(program_, target);
    for (NodeId id = 0; id < program_.nodes().size(); ++id) {
      const auto found = replacements_.find(id);
      if (found != replacements_.end()) {
        add(id, found->second, target, copy);
      } else if (!dropped_[id]) {
        copy.add(node(id), target);
      }
    }
    copy.outputs();
    return target.finish();
  }

 private:
  // Products that a sum becomes: the first takes the addend, each other one what the one before made.
  struct Replacement {
    std::vector<NodeId> products;
    ValueId addend;
  };

  // A product below one side of a sum that takes the other side as its addend.
  struct Candidate {
    size_t side;
    NodeId product;
    std::vector<NodeId> passed;  // views and sums between the two, the nearest to the sum first
    int64_t length;              // of the sums that it is made of; 0 if it is no product
  };

  Status find(NodeId id) {
    const Node &sum = node(id);
    if (type(sum.inputs[0]) != type(sum.inputs[1]) || sum.inputs[0] == sum.inputs[1]) return {};
    if (type(sum.outputs[0]) != type(sum.inputs[0])) return {};
    std::optional<Candidate> best;
    // The later of the two, so that chains of sums become chains of products; but a short product
    // beside a long one waits for it, since the long one can begin first. Sums are looked through
    // where neither side is a product itself.
    for (const bool through_sums : {false, true}) {
      for (const size_t side : {size_t{1}, size_t{0}}) {
        FLAME_ASSIGN(const std::optional<Candidate> found, candidate(id, side, through_sums));
        if (found && (!best || found->length < best->length)) best = found;
      }
      if (best) break;
    }
    if (best) replace(id, *best);
    return {};
  }

  void replace(NodeId id, const Candidate &found) {
    Replacement made{{found.product}, node(id).inputs[1 - found.side]};
    for (const NodeId passed : found.passed) {
      const auto inner = replacements_.find(passed);
      dropped_[passed] = true;
      if (inner == replacements_.end()) continue;
      made.products.insert(made.products.begin() + 1, inner->second.products.begin(),
                           inner->second.products.end());
      replacements_.erase(inner);
    }
    dropped_[found.product] = true;
    replacements_.emplace(id, std::move(made));
    ++counts_.addends;
  }

  // Looks through views, and through sums that have become products: what these add may be a
  // product too. There the addend must stand before it, so that nothing waits longer.
  Result<std::optional<Candidate>> candidate(NodeId id, size_t side, bool through_sums) {
    const NodeId other = producer_id(node(id).inputs[1 - side]);
    Candidate found{side, kNoNode, {}, 0};
    NodeId user = id;
    ValueId value = node(id).inputs[side];
    for (const Node *made = producer(value, user); made; made = producer(value, user)) {
      const NodeId at = producer_id(value);
      const auto inner = replacements_.find(at);
      if (made->op->name == "reshape") {
        value = made->inputs[0];
      } else if (inner != replacements_.end()) {
        if (!through_sums) break;
        value = inner->second.addend;
      } else {
        const std::optional<Form> form = form_of(*made);
        if (!form) break;
        FLAME_ASSIGN(const bool taken, takes_addend(*form));
        found.product = at;
        found.length = form->length;
        if (!taken || (through_sums && other != kNoNode && other > at)) break;
        return std::optional(std::move(found));
      }
      found.passed.push_back(at);
      user = at;
    }
    return std::optional<Candidate>();
  }

  // A product, or the gradient of a norm, as the op that takes an addend: its last operand. A linear
  // without bias is a matmul of the rows of x.
  struct Form {
    std::string_view op;
    std::vector<TensorType> inputs;
    TensorType y;
    Attributes attributes;
    int64_t length;
  };
  std::optional<Form> form_of(const Node &product) const {
    const std::vector<OperandSpec> &operands = product.op->inputs;
    if (operands.empty() || operands.back().name != "addend") return std::nullopt;
    const bool linear = product.op->name == "linear";
    const size_t others = operands.size() - 1;
    const bool bare = linear && product.inputs.size() + 1 == others;  // without a bias
    if (product.outputs.size() != 1 || (product.inputs.size() != others && !bare))
      return std::nullopt;
    Form made{product.op->name, {}, type(product.outputs[0]), product.attributes, 0};
    for (const ValueId input : product.inputs) made.inputs.push_back(type(input));
    const bool matmul = product.op->name == "matmul";
    const size_t inner = matmul && made.attributes.flag("transpose_a") ? 1 : 0;
    if (matmul || linear) made.length = made.inputs[0].shape.back(inner);
    if (!bare) return made;
    for (TensorType *tensor : {&made.inputs[0], &made.y}) {
      int64_t rows = 1;
      for (size_t axis = 0; axis + 1 < tensor->shape.rank(); ++axis) rows *= tensor->shape[axis];
      tensor->shape = {rows, tensor->shape.back(0)};
    }
    made.op = "matmul";
    made.attributes = {{"transpose_a", false},
                       {"transpose_b", true},
                       {"dtype", std::string(name_of(made.y.dtype))}};
    return made;
  }

  Result<bool> takes_addend(const Form &product) {
    std::vector<TypedView> views;
    std::string key(product.op);
    const auto take = [&](const TensorType &tensor) {
      views.push_back(TypedView::contiguous(tensor));
      key += '|' + tensor.text();
    };
    for (const TensorType &tensor : product.inputs) take(tensor);
    take(product.y);
    for (const auto &[name, value] : product.attributes.entries()) key += '|' + text_of(value);
    const auto known = answers_.find(key);
    if (known != answers_.end()) return known->second;
    const TypedView output = views.back();
    FLAME_ASSIGN(const OpAnswer answer,
                 target_.probe(product.op, product.attributes, views, std::span(&output, 1)));
    return answers_.emplace(std::move(key), answer.info.has_value()).first->second;
  }

  void add(NodeId id, const Replacement &replacement, ProgramBuilder &target,
           ProgramCopy &copy) const {
    Term sum = target.term(copy.at(replacement.addend));
    for (const NodeId each : replacement.products) {
      const Node &product = node(each);
      const Form form = *form_of(product);
      target.set_place(product.place);
      std::vector<Term> inputs;
      for (size_t i = 0; i < form.inputs.size(); ++i)
        inputs.push_back(reshape(target.term(copy.at(product.inputs[i])), form.inputs[i].shape));
      inputs.push_back(reshape(sum, form.y.shape));
      sum = apply_one(form.op, inputs, form.attributes);
    }
    const ValueId made = node(id).outputs[0];
    copy.set(made, reshape(sum, type(made).shape).id());
    target.set_place(nullptr);
  }

  Target &target_;
  PatternCounts &counts_;
  std::map<NodeId, Replacement> replacements_;  // of sums
  std::map<std::string, bool> answers_;
};

}  // namespace

Result<Program> merge_patterns(const Program &program, PatternCounts *counts) {
  PatternCounts unwanted;
  return Patterns(program, counts ? *counts : unwanted).run();
}

Result<Program> merge_addends(const Program &program, Target &target, PatternCounts *counts) {
  PatternCounts unwanted;
  return Addends(program, target, counts ? *counts : unwanted).run();
}

}  // namespace flame
