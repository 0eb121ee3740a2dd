#include "core/passes/patterns.h"

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
  struct Replacement {
    NodeId product;
    ValueId addend;
  };

  // A product on one side of a sum that takes the other side as its addend.
  struct Candidate {
    size_t side;
    const Node *product;
    bool reshapes;   // and a view stands between
    int64_t length;  // of the sums that it is made of
  };

  Status find(NodeId id) {
    const Node &sum = node(id);
    if (type(sum.inputs[0]) != type(sum.inputs[1]) || sum.inputs[0] == sum.inputs[1]) return {};
    if (type(sum.outputs[0]) != type(sum.inputs[0])) return {};
    std::optional<Candidate> best;
    // The later of the two, so that chains of sums become chains of products; but a short product
    // beside a long one waits for it, since the long one can begin first.
    for (const size_t side : {size_t{1}, size_t{0}}) {
      FLAME_ASSIGN(const std::optional<Candidate> found, candidate(id, side));
      if (found && (!best || found->length < best->length)) best = found;
    }
    if (!best) return {};
    const NodeId product_id = producer_id(best->product->outputs[0]);
    dropped_[product_id] = true;
    if (best->reshapes) dropped_[producer_id(sum.inputs[best->side])] = true;
    replacements_.emplace(id, Replacement{product_id, sum.inputs[1 - best->side]});
    ++counts_.addends;
    return {};
  }

  Result<std::optional<Candidate>> candidate(NodeId id, size_t side) {
    const ValueId value = node(id).inputs[side];
    const Node *view = producer(value, id);
    const bool reshapes = view && view->op->name == "reshape";
    const Node *product = reshapes ? producer(view->inputs[0], producer_id(value)) : view;
    if (!product || product->inputs.size() != 2) return std::optional<Candidate>();
    if (product->op->name != "matmul" && product->op->name != "linear")
      return std::optional<Candidate>();
    const Matmul matmul = as_matmul(*product);
    FLAME_ASSIGN(const bool taken, takes_addend(matmul));
    if (!taken) return std::optional<Candidate>();
    const size_t inner = matmul.attributes.flag("transpose_a") ? 1 : 0;
    return std::optional<Candidate>({side, product, reshapes, matmul.a.shape.back(inner)});
  }

  // A product as a matmul: a linear without bias is one of the rows of x.
  struct Matmul {
    TensorType a, b, y;
    Attributes attributes;
  };
  Matmul as_matmul(const Node &product) const {
    Matmul made{type(product.inputs[0]), type(product.inputs[1]), type(product.outputs[0]),
                product.attributes};
    if (product.op->name == "matmul") return made;
    for (TensorType *tensor : {&made.a, &made.y}) {
      int64_t rows = 1;
      for (size_t axis = 0; axis + 1 < tensor->shape.rank(); ++axis) rows *= tensor->shape[axis];
      tensor->shape = {rows, tensor->shape.back(0)};
    }
    made.attributes = {{"transpose_a", false},
                       {"transpose_b", true},
                       {"dtype", std::string(name_of(made.y.dtype))}};
    return made;
  }

  Result<bool> takes_addend(const Matmul &product) {
    std::vector<TypedView> views;
    for (const TensorType *tensor : {&product.a, &product.b, &product.y})
      views.push_back(TypedView::contiguous(*tensor));
    std::string key = product.attributes.text("dtype");
    for (const TypedView &view : views) key += view.type().text();
    for (const char *flag : {"transpose_a", "transpose_b"})
      key += product.attributes.flag(flag) ? '1' : '0';
    const auto known = answers_.find(key);
    if (known != answers_.end()) return known->second;
    const TypedView output = views.back();
    FLAME_ASSIGN(const OpAnswer answer,
                 target_.probe("matmul", product.attributes, views, std::span(&output, 1)));
    return answers_.emplace(std::move(key), answer.info.has_value()).first->second;
  }

  void add(NodeId id, const Replacement &replacement, ProgramBuilder &target,
           ProgramCopy &copy) const {
    const Node &product = node(replacement.product);
    const Node &sum = node(id);
    target.set_place(product.place);
    const Matmul matmul = as_matmul(product);
    const std::vector<Term> inputs = {
        reshape(target.term(copy.at(product.inputs[0])), matmul.a.shape),
        reshape(target.term(copy.at(product.inputs[1])), matmul.b.shape),
        reshape(target.term(copy.at(replacement.addend)), matmul.y.shape)};
    const Term made = apply_one("matmul", inputs, matmul.attributes);
    copy.set(sum.outputs[0], reshape(made, type(sum.outputs[0]).shape).id());
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
