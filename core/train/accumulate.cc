#include "core/train/accumulate.h"

#include <fmt/core.h>

#include <unordered_map>

#include "core/ops/catalogue/terms.h"
#include "core/passes/differentiate.h"
#include "core/program/rewrite.h"

namespace flame {
namespace {

constexpr std::string_view kCotangentPrefix = "cotangent.";
constexpr std::string_view kGradientPrefix = "train.gradient_of.";

Status check_master(DType master) {
  if (master == DType::kF32 || master == DType::kF64) return {};
  return config_error(
      fmt::format("the master copy of the parameters is {}, expected f32 or f64", name_of(master)));
}

// The gradients of a group in the layout of its buffer, zeros between and behind them.
Term gather_gradients(ProgramBuilder &builder, const FlatGroup &group, DType master,
                      const std::unordered_map<std::string, ValueId> &gradients) {
  std::vector<Term> pieces;
  int64_t end = 0;
  for (const FlatSlice &part : group.slices) {
    if (part.offset > end) pieces.push_back(fill(builder, Shape{part.offset - end}, 0, master));
    const int64_t count = part.type.shape.element_count();
    const Term gradient = builder.term(gradients.at(part.parameter));
    pieces.push_back(cast(reshape(gradient, Shape{count}), master));
    end = part.offset + count;
  }
  if (group.size > end) pieces.push_back(fill(builder, Shape{group.size - end}, 0, master));
  return concat(pieces, 0);
}

// The model with the gradients of every trained parameter, for a cotangent that is an input.
Result<Gradients> differentiate_all(const Program &model, const AccumulateRequest &request) {
  GradientRequest gradients;
  gradients.of = {request.loss};
  gradients.cotangents_are_one = false;
  gradients.prefix = kGradientPrefix;
  for (const FlatGroup &group : request.groups) {
    for (const FlatSlice &part : group.slices) gradients.with_respect_to.push_back(part.parameter);
  }
  const NamedValue *loss = model.find_output(request.loss);
  if (loss && model.type(loss->value).shape.rank() != 0) {
    return plugin_error(fmt::format("the loss '{}' is {}, expected a scalar", request.loss,
                                    model.type(loss->value).text()),
                        "reduce it to one number");
  }
  return differentiate(model, gradients);
}

}  // namespace

Result<AccumulateProgram> build_accumulate(const Program &model, const AccumulateRequest &request) {
  FLAME_TRY(check_master(request.master));
  FLAME_ASSIGN(const Gradients gradients, differentiate_all(model, request));
  const Program &source = gradients.program;

  ProgramBuilder builder;
  const ValueId first = builder.input(kFirstName, {DType::kBool, Shape()});
  const TensorType loss_type = model.type(model.find_output(request.loss)->value);
  const ValueId scale = builder.input(kLossScaleName, {loss_type.dtype, Shape()});
  std::vector<ValueId> parameters;
  std::vector<ValueId> sums;
  for (const FlatGroup &group : request.groups) {
    const TensorType flat{request.master, group.shape()};
    parameters.push_back(builder.input(parameters_name(group.name), flat));
    sums.push_back(builder.input(gradient_name(group.name), flat));
  }
  FLAME_TRY(builder.status());
  // What stands in the place of the parameters and of the loss's cotangent.
  FlatViews bound;
  for (size_t g = 0; g < request.groups.size(); ++g)
    add_flat_views(builder, request.groups[g], parameters[g], bound);
  bound[std::string(kCotangentPrefix) + request.loss] = scale;
  ProgramCopy copy(source, builder, [&](std::string_view name, ValueId) {
    const auto found = bound.find(std::string(name));
    return found == bound.end() ? 0 : found->second;
  });
  for (const Node &node : source.nodes()) copy.add(node, builder);
  for (const NamedValue &output : model.outputs()) {
    // The forward program's outputs come first and keep their order.
    const auto place = static_cast<size_t>(&output - model.outputs().data());
    builder.output(output.name, copy.at(source.outputs()[place].value));
  }
  std::unordered_map<std::string, ValueId> gradient_of;
  for (size_t i = model.outputs().size(); i < source.outputs().size(); ++i) {
    const NamedValue &output = source.outputs()[i];
    gradient_of[output.name.substr(kGradientPrefix.size())] = copy.at(output.value);
  }
  FLAME_TRY(builder.status());

  AccumulateProgram result{{}, {}, gradients.unreached};
  for (size_t g = 0; g < request.groups.size(); ++g) {
    const FlatGroup &group = request.groups[g];
    const Term fresh = gather_gradients(builder, group, request.master, gradient_of);
    const Term sum =
        map("add x1 x2; where x0 x2 t0", {builder.term(first), builder.term(sums[g]), fresh});
    const std::string name = gradient_name(group.name);
    builder.output(name, sum.id());
    result.placement.replaces.push_back({name, name});
    result.placement.classes.emplace_back(name, MemoryClass::kGradients);
    result.placement.classes.emplace_back(parameters_name(group.name), group.memory_class);
  }
  FLAME_ASSIGN(result.program, builder.finish());
  return result;
}

}  // namespace flame
