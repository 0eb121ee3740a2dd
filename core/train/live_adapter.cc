#include "core/train/live_adapter.h"

#include <algorithm>

#include "core/ops/catalogue/terms.h"
#include "core/program/rewrite.h"

namespace flame {
namespace {

// What a rule makes of a layer, this much of it.
AdaptFunction with_strength(const AdaptFunction &adapt, double strength) {
  if (!adapt || strength == 1) return adapt;
  return [adapt, strength](ProgramBuilder &builder, const Layer &layer) -> Result<ValueId> {
    FLAME_ASSIGN(const ValueId made, adapt(builder, layer));
    if (made == layer.output) return made;
    const Term before = builder.term(layer.output);
    return (before + (builder.term(made) - before) * strength).id();
  };
}

Result<Program> adapted(const std::vector<TrainedPart> &parts, double strength,
                        const std::string &role, const Program &program) {
  const auto part = std::ranges::find(parts, role, &TrainedPart::role);
  if (part == parts.end()) return program;
  AdaptRequest request = part->adapt;
  for (AdaptRule &rule : request.rules) rule.adapt = with_strength(rule.adapt, strength);
  FLAME_ASSIGN(Adapted made, adapt(program, request));
  return std::move(made.program);
}

// Adapters at layers that no training reaches have no parameters that learn: they start without
// effect, and stay so. The model's own weights there are what they were.
Result<Program> without_unreached(const TrainPlan &plan, const Program &named) {
  ProgramBuilder builder;
  const std::vector<std::string> &unreached = plan.unreached;
  ProgramCopy copy(named, builder, [&](std::string_view name, ValueId value) {
    const bool is_own = plan.own_weights.contains(std::string(name));
    if (is_own || std::ranges::find(unreached, name) == unreached.end()) return ValueId{0};
    const TensorType &type = named.type(value);
    return fill(builder, type.shape, 0, type.dtype).id();
  });
  for (const Node &node : named.nodes()) copy.add(node, builder);
  copy.outputs();
  return builder.finish();
}

}  // namespace

Result<Program> bound_to_buffers(const TrainPlan &plan, const Program &named) {
  FLAME_ASSIGN(const Program reached, without_unreached(plan, named));
  ProgramBuilder builder;
  FlatViews views;
  for (const FlatGroup &group : plan.layout) {
    const bool used = std::ranges::any_of(group.slices, [&](const FlatSlice &slice) {
      return reached.find_parameter(slice.parameter) != nullptr;
    });
    if (!used) continue;
    const ValueId buffer = builder.input(parameters_name(group.name), {DType::kF32, group.shape()});
    add_flat_views(builder, group, buffer, views);
  }
  ProgramCopy copy(reached, builder, [&](std::string_view name, ValueId) {
    const auto found = views.find(std::string(name));
    return found == views.end() ? ValueId{0} : found->second;
  });
  for (const Node &node : reached.nodes()) copy.add(node, builder);
  copy.outputs();
  return builder.finish();
}

LiveAdapter live_adapter(Trainer &trainer, const std::vector<TrainedPart> &parts, double strength) {
  LiveAdapter live;
  live.store = &trainer.store();
  live.adapt = [&parts, strength](const std::string &role, const Program &program) {
    return adapted(parts, strength, role, program);
  };
  live.bind = [&trainer](const Program &named) { return bound_to_buffers(trainer.plan(), named); };
  live.is_loaded = [&trainer](const std::string &name) { return trainer.has_weight(name); };
  return live;
}

}  // namespace flame
