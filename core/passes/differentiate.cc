#include "core/passes/differentiate.h"

#include <fmt/core.h>

#include <algorithm>

#include "core/base/suggest.h"
#include "core/ops/catalogue/terms.h"
#include "core/program/rewrite.h"

namespace flame {
namespace {

constexpr std::string_view kCotangentPrefix = "cotangent.";

// Marks, for each value of a program, whether a gradient passes it.
class Paths {
 public:
  Paths(const Program &program, const std::vector<ValueId> &from, const std::vector<ValueId> &to)
      : active_(program.values().size(), false) {
    std::vector<bool> reaches(program.values().size(), false);
    for (const ValueId value : to) reaches[value] = true;
    for (size_t i = program.nodes().size(); i-- > 0;) {
      const Node &node = program.nodes()[i];
      const bool needed = std::ranges::any_of(node.outputs, [&](ValueId v) { return reaches[v]; });
      if (!needed || node.op->stops_gradient) continue;
      for (const ValueId input : node.inputs) reaches[input] = true;
    }
    for (const ValueId value : from) active_[value] = reaches[value];
    for (const Node &node : program.nodes()) {
      if (node.op->stops_gradient) continue;
      if (!std::ranges::any_of(node.inputs, [&](ValueId v) { return active_[v]; })) continue;
      for (const ValueId output : node.outputs) {
        active_[output] = reaches[output] && is_float(program.type(output).dtype);
      }
    }
  }

  bool passes(ValueId value) const { return active_[value]; }
  // A gradient goes through the node, from an output to an input.
  bool pass(const Node &node) const {
    const auto passed = [&](ValueId value) { return active_[value]; };
    return !node.op->stops_gradient && std::ranges::any_of(node.inputs, passed) &&
           std::ranges::any_of(node.outputs, passed);
  }

 private:
  std::vector<bool> active_;
};

template <typename Named>
Error unknown_name(std::string_view what, const std::string &name,
                   const std::vector<Named> &known) {
  std::vector<std::string> names;
  for (const auto &entry : known) names.push_back(entry.name);
  return plugin_error(fmt::format("the program has no {} '{}'", what, name),
                      did_you_mean(name, names));
}

Status check_float(const Program &program, ValueId value, std::string_view name) {
  if (is_float(program.type(value).dtype) && !is_f8(program.type(value).dtype)) return {};
  return plugin_error(fmt::format("'{}' is {}, and only f64, f32, bf16 and f16 have gradients",
                                  name, program.type(value).text()));
}

Result<std::vector<ValueId>> find_sources(const Program &program,
                                          const std::vector<std::string> &names) {
  std::vector<ValueId> values;
  for (const std::string &name : names) {
    const Parameter *parameter = program.find_parameter(name);
    const NamedValue *input = program.find_input(name);
    if (parameter && input) {
      return plugin_error(fmt::format("'{}' is the name of a parameter and of an input", name));
    }
    if (!parameter && !input) return unknown_name("parameter or input", name, program.parameters());
    values.push_back(parameter ? parameter->value : input->value);
    FLAME_TRY(check_float(program, values.back(), name));
  }
  return values;
}

Result<std::vector<ValueId>> find_targets(const Program &program, const GradientRequest &request) {
  std::vector<ValueId> values;
  for (const std::string &name : request.of) {
    const NamedValue *output = program.find_output(name);
    if (!output) return unknown_name("output", name, program.outputs());
    values.push_back(output->value);
    FLAME_TRY(check_float(program, output->value, name));
    if (request.cotangents_are_one && program.type(output->value).shape.rank() != 0) {
      return plugin_error(fmt::format("the gradient is taken of '{}', which is {} and not a scalar",
                                      name, program.type(output->value).text()),
                          "reduce it to one number, or give its cotangent");
    }
  }
  return values;
}

// The backward walk. Holds the cotangent of each value as far as it is known.
class Reverse {
 public:
  Reverse(ProgramBuilder &builder, const Paths &paths)
      : builder_(builder), paths_(paths), cotangents_(builder.program().values().size(), 0) {}

  void receive(ValueId value, ValueId cotangent) {
    ValueId &held = cotangents_[value];
    held = held == 0 ? cotangent : (builder_.term(held) + builder_.term(cotangent)).id();
  }
  ValueId cotangent(ValueId value) const { return cotangents_[value]; }

  Status through(NodeId id) {
    // A copy: the builder's nodes move while the rule adds more.
    node_ = builder_.program().nodes()[id];
    if (!paths_.pass(node_)) return {};
    bool arrives = false;
    use_.cotangents.clear();
    for (const ValueId output : node_.outputs) {
      const ValueId held = cotangents_[output];
      use_.cotangents.push_back(held == 0 ? Term() : builder_.term(held));
      arrives = arrives || held != 0;
    }
    if (!arrives) return {};
    if (!node_.op->gradient) return no_rule(node_);
    builder_.set_place(node_.place);
    const Status status = apply_rule(node_);
    builder_.set_place(nullptr);
    return status;
  }

 private:
  static Error no_rule(const Node &node) {
    return plugin_error(fmt::format("op '{}' ({}) has no gradient: {}", node.op->name,
                                    node.place->text(), node.op->gradient_note));
  }

  Status apply_rule(const Node &node) {
    use_.inputs.clear();
    use_.wanted.clear();
    use_.outputs.clear();
    use_.output_types.clear();
    for (const ValueId input : node.inputs) {
      use_.inputs.push_back(builder_.term(input));
      use_.wanted.push_back(paths_.passes(input));
    }
    for (const ValueId output : node.outputs) {
      use_.outputs.push_back(builder_.term(output));
      use_.output_types.push_back(builder_.type_of(output));
    }
    const std::vector<Term> gradients =
        node.op->gradient({builder_, node.attributes, use_.inputs, use_.output_types, use_.outputs,
                           use_.cotangents, use_.wanted});
    FLAME_TRY(builder_.status());
    for (size_t i = 0; i < gradients.size() && i < node.inputs.size(); ++i) {
      if (!use_.wanted[i] || !gradients[i]) continue;
      if (gradients[i].type() != use_.inputs[i].type())
        return wrong_type(node, i, gradients[i].type());
      receive(node.inputs[i], gradients[i].id());
    }
    return builder_.status();
  }

  Error wrong_type(const Node &node, size_t input, const TensorType &seen) const {
    return {
        ErrorKind::kFailed,
        fmt::format("the gradient rule of op '{}' gave {} for operand {}, expected {}",
                    node.op->name, seen.text(), input, builder_.type_of(node.inputs[input]).text()),
        ""};
  }

  // What a rule is given: kept from node to node, so that their memory is.
  struct Use {
    std::vector<Term> inputs;
    std::vector<Term> outputs;
    std::vector<Term> cotangents;
    std::vector<TensorType> output_types;
    std::vector<bool> wanted;
  };

  ProgramBuilder &builder_;
  const Paths &paths_;
  std::vector<ValueId> cotangents_;
  Node node_;
  Use use_;
};

// Copies the program; ops that a gradient passes and that have no rule are taken apart.
void copy_forward(const Program &program, const Paths &paths, ProgramBuilder &builder) {
  ExpandingBuilder expanding(builder,
                             [](const OpCall &call) { return call.op->gradient == nullptr; });
  ProgramCopy copy(program, builder);
  for (const Node &node : program.nodes()) {
    const bool apart = node.op->gradient == nullptr && paths.pass(node);
    copy.add(node, apart ? static_cast<OpBuilder &>(expanding) : builder);
  }
  copy.outputs();
}

}  // namespace

Result<Gradients> differentiate(const Program &program, const GradientRequest &request) {
  FLAME_ASSIGN(const std::vector<ValueId> old_sources,
               find_sources(program, request.with_respect_to));
  FLAME_ASSIGN(const std::vector<ValueId> old_targets, find_targets(program, request));
  ProgramBuilder builder;
  copy_forward(program, Paths(program, old_sources, old_targets), builder);
  FLAME_TRY(builder.status());
  FLAME_ASSIGN(const std::vector<ValueId> sources,
               find_sources(builder.program(), request.with_respect_to));
  FLAME_ASSIGN(const std::vector<ValueId> targets, find_targets(builder.program(), request));

  Gradients result;
  result.first_backward_node = static_cast<NodeId>(builder.program().nodes().size());
  const Paths paths(builder.program(), sources, targets);
  Reverse reverse(builder, paths);
  for (size_t i = 0; i < targets.size(); ++i) {
    const TensorType type = builder.type_of(targets[i]);
    const ValueId seed = request.cotangents_are_one
                             ? fill(builder, type.shape, 1, type.dtype).id()
                             : builder.input(std::string(kCotangentPrefix) + request.of[i], type);
    reverse.receive(targets[i], seed);
  }
  for (NodeId id = result.first_backward_node; id-- > 0;) FLAME_TRY(reverse.through(id));

  for (size_t i = 0; i < sources.size(); ++i) {
    const std::string &name = request.with_respect_to[i];
    ValueId gradient = reverse.cotangent(sources[i]);
    if (gradient == 0) {
      const TensorType type = builder.type_of(sources[i]);
      gradient = fill(builder, type.shape, 0, type.dtype).id();
      result.unreached.push_back(name);
    }
    builder.output(request.prefix + name, gradient);
  }
  FLAME_ASSIGN(result.program, builder.finish());
  return result;
}

}  // namespace flame
