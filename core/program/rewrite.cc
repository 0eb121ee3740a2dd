#include "core/program/rewrite.h"

#include "core/ops/catalogue/catalogue.h"

namespace flame {

std::vector<ValueId> ExpandingBuilder::add(std::string_view op, std::span<const ValueId> inputs,
                                           Attributes attributes) {
  if (!target_.status().ok()) return target_.add(op, inputs, std::move(attributes));
  std::vector<TensorType> types;
  for (const ValueId input : inputs) types.push_back(type_of(input));
  const Result<OpCall> call = infer_op(op, std::move(types), attributes);
  const bool apart = call.ok() && call->op->decompose && takes_apart_(*call);
  if (!apart) return target_.add(op, inputs, std::move(attributes));

  std::vector<Term> terms;
  for (const ValueId input : inputs) terms.emplace_back(*this, input);
  const std::vector<Term> made =
      call->op->decompose({*this, call->attributes, terms, call->outputs, {}, {}, {}});
  std::vector<ValueId> outputs;
  for (size_t i = 0; i < made.size(); ++i) {
    outputs.push_back(made[i].id());
    if (!target_.status().ok()) continue;
    if (i >= call->outputs.size() || made[i].type() != call->outputs[i]) {
      target_.fail({ErrorKind::kFailed,
                    "the decomposition of op '" + std::string(op) + "' gave output " +
                        std::to_string(i) + " as " + made[i].type().text() +
                        ", which is not the op's own type",
                    ""});
    }
  }
  return target_.status().ok() ? outputs : std::vector<ValueId>(ProgramBuilder::kFailedOutputs, 0);
}

ProgramCopy::ProgramCopy(const Program &source, ProgramBuilder &target, const Binding &binding)
    : source_(source), target_(target), map_(source.values().size(), 0) {
  const auto bound = [&](const std::string &name, ValueId value) {
    map_[value] = binding ? binding(name, value) : 0;
    return map_[value] != 0;
  };
  for (const NamedValue &input : source.inputs()) {
    if (bound(input.name, input.value)) continue;
    map_[input.value] = target.input(input.name, source.type(input.value));
  }
  for (const Parameter &parameter : source.parameters()) {
    if (bound(parameter.name, parameter.value)) continue;
    map_[parameter.value] =
        target.parameter(parameter.name, source.type(parameter.value), parameter.trainable);
    if (parameter.trainable) target.start(map_[parameter.value], parameter.initial);
  }
}

void ProgramCopy::add(const Node &node, OpBuilder &builder) {
  std::vector<ValueId> inputs;
  inputs.reserve(node.inputs.size());
  for (const ValueId input : node.inputs) inputs.push_back(map_[input]);
  target_.set_place(node.place);
  const std::vector<ValueId> outputs = builder.add(node.op->name, inputs, node.attributes);
  target_.set_place(nullptr);
  for (size_t i = 0; i < node.outputs.size() && i < outputs.size(); ++i)
    map_[node.outputs[i]] = outputs[i];
}

void ProgramCopy::outputs() {
  for (const NamedValue &output : source_.outputs())
    target_.output(output.name, map_[output.value]);
}

Result<Program> expand(const Program &program, const ExpandingBuilder::Choice &takes_apart) {
  ProgramBuilder target;
  ExpandingBuilder builder(target, takes_apart);
  ProgramCopy copy(program, target);
  for (const Node &node : program.nodes()) copy.add(node, builder);
  copy.outputs();
  return target.finish();
}

Result<Program> expand_all(const Program &program) {
  return expand(program, [](const OpCall &call) { return call.op->group == OpGroup::kOptional; });
}

}  // namespace flame
