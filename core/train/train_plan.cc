#include "core/train/train_plan.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <map>

#include "core/base/rounded_size.h"
#include "core/passes/fuse.h"
#include "core/passes/precision.h"
#include "core/passes/recompute.h"
#include "core/train/accumulate.h"
#include "core/train/random_streams.h"

namespace flame {
namespace {

constexpr DType kMaster = DType::kF32;

// Every parameter is frozen but those of adapters, and weights that learn themselves.
Result<Adapted> adapted(const Program &program, const TrainedPart *part, uint32_t number) {
  if (part) {
    AdaptRequest request = part->adapt;
    request.first_stream = kAdapterStream + number * kAdapterStreams;
    return adapt(program, request);
  }
  FLAME_ASSIGN(Program as_it_is, frozen(program));
  return Adapted{std::move(as_it_is), {}, {}};
}

class Planner {
 public:
  Planner(const PaintModels &models, const std::vector<TrainedPart> &parts,
          const TrainSettings &settings, Target &target)
      : models_(models), parts_(parts), settings_(settings), target_(target) {}

  Result<TrainPlan> plan(const std::vector<TrainBucket> &buckets) {
    FLAME_ASSIGN(plan_.text, text_form(models_));
    for (const TrainBucket &bucket : buckets) FLAME_TRY(add_pass(bucket));
    FLAME_TRY(plan_update());
    FLAME_TRY(count_backend());
    if (settings_.memory_bytes) FLAME_TRY(fit());
    return std::move(plan_);
  }

 private:
  struct Fusable {
    Program program;
    PlaceRequest placement;
  };

  const TrainedPart *part_of(std::string_view role) const {
    const auto found = std::ranges::find(parts_, role, &TrainedPart::role);
    return found == parts_.end() ? nullptr : &*found;
  }

  uint32_t number_of(const TrainedPart *part) const {
    return part ? static_cast<uint32_t>(part - parts_.data()) : 0;
  }

  Result<ObjectiveParts> parts_for(const TrainBucket &bucket) {
    const int64_t unit = models_.spec.latent_size;
    ObjectiveParts made;
    plan_.layers.assign(parts_.size(), {});
    const auto note = [&](const TrainedPart *part, const Adapted &with) {
      if (!part) return;
      plan_.layers[number_of(part)] = with.layers;
      for (const std::string &name : with.own_weights)
        plan_.own_weights.insert(fmt::format("{}/{}", part->role, name));
    };
    FLAME_ASSIGN(const Program denoiser,
                 models_.denoiser.model->build(
                     models_.spec.denoiser, {{"batch", settings_.batch},
                                             {"height", bucket.height / unit},
                                             {"width", bucket.width / unit},
                                             {"tokens", settings_.text_rows * plan_.text.tokens}}));
    const TrainedPart *learner = part_of(kDenoiserRole);
    FLAME_ASSIGN(Adapted with, adapted(denoiser, learner, number_of(learner)));
    note(learner, with);
    made.denoiser = std::move(with.program);
    FLAME_ASSIGN(made.conditions,
                 conditions_program(models_, plan_.text, settings_.batch, settings_.text_rows));
    for (size_t i = 0; i < models_.parts.size(); ++i) {
      const TrainedPart *part = part_of(models_.spec.parts[i].role);
      if (!part) continue;
      FLAME_ASSIGN(const Program encoder, encoder_program(models_.parts[i], plan_.text,
                                                          settings_.batch * settings_.text_rows));
      FLAME_ASSIGN(Adapted adapted_encoder, adapted(encoder, part, number_of(part)));
      note(part, adapted_encoder);
      made.encoders.emplace_back(part->role, std::move(adapted_encoder.program));
    }
    return made;
  }

  // The trainable parameters of each part are a group.
  Status lay_out(const Program &whole, const Program &objective) {
    for (const Parameter &parameter : whole.parameters()) {
      if (parameter.trainable && !objective.find_parameter(parameter.name))
        plan_.unreached.push_back(parameter.name);
    }
    std::vector<TrainedGroup> groups;
    for (const TrainedPart &part : parts_)
      groups.push_back({part.role, {}, MemoryClass::kAdapters});
    for (const Parameter &parameter : objective.parameters()) {
      if (!parameter.trainable) continue;
      const std::string_view role =
          std::string_view(parameter.name).substr(0, parameter.name.find('/'));
      const auto group = std::ranges::find(groups, role, &TrainedGroup::name);
      if (group == groups.end()) continue;
      group->parameters.push_back(parameter.name);
      if (plan_.own_weights.contains(parameter.name)) group->memory_class = MemoryClass::kWeights;
      plan_.trained.push_back(parameter);
    }
    FLAME_ASSIGN(plan_.layout, flat_layout(objective, groups));
    return {};
  }

  Status add_pass(const TrainBucket &bucket) {
    FLAME_ASSIGN(const ObjectiveParts parts, parts_for(bucket));
    FLAME_ASSIGN(const Program whole,
                 build_objective(parts, {settings_.objective, bucket.masked, bucket.prefix()}));
    FLAME_ASSIGN(const Program simple, simplify(whole));
    FLAME_ASSIGN(const Program objective, without_unused_parameters(simple));
    if (plan_.layout.empty()) FLAME_TRY(lay_out(whole, objective));
    FLAME_ASSIGN(AccumulateProgram made,
                 build_accumulate(objective, {std::string(kLossOutput), plan_.layout, kMaster}));
    if (!made.unreached.empty()) {
      return Error{ErrorKind::kNumeric,
                   fmt::format("{} of {} trained parameters get no gradient, for example '{}': a "
                               "stop_gradient stands between them and the loss",
                               made.unreached.size(), plan_.trained.size(), made.unreached.front()),
                   "leave their layers out of adapter.layers"};
    }
    FLAME_ASSIGN(Fusable fusable, prepared(made.program, made.placement, settings_.compute));
    FLAME_ASSIGN(PlacedProgram placed, place(fusable.program, target_, fusable.placement));
    plan_.passes.push_back({bucket, std::move(fusable.program), std::move(placed), 0});
    placements_.push_back(std::move(fusable.placement));
    return {};
  }

  Status plan_update() {
    UpdateRequest request;
    for (size_t i = 0; i < parts_.size(); ++i)
      request.groups.push_back({plan_.layout[i], parts_[i].optimizer});
    request.master = kMaster;
    request.clips = settings_.clips;
    request.averages = settings_.averages;
    if (settings_.compute == DType::kF16) {
      request.loss_scaling = LossScaling();
    } else {
      request.holds = true;
    }
    FLAME_ASSIGN(UpdateProgram made, build_update(request));
    plan_.states = made.states;
    FLAME_ASSIGN(const Fusable fusable, prepared(made.program, made.placement, DType::kF32));
    FLAME_ASSIGN(plan_.update, place(fusable.program, target_, fusable.placement));
    return {};
  }

  Result<Fusable> prepared(const Program &program, const PlaceRequest &placement, DType compute) {
    FLAME_ASSIGN(const Program simple, simplify(program));
    FLAME_ASSIGN(const Program stored, apply_precision(simple, {compute}));
    FLAME_ASSIGN(Fused fused, fuse(stored, target_));
    return Fusable{std::move(fused.program), placement};
  }

  // Each bucket's pass with the step behind it is one recording; where not every pass is followed by a
  // step, there is one of the pass alone too.
  uint64_t recordings() const {
    const bool branches = target_.branches();
    uint64_t bytes = 0;
    for (const TrainPlan::Pass &pass : plan_.passes) {
      const std::array step = {&pass.placed, static_cast<const PlacedProgram *>(&plan_.update)};
      bytes += recorded_bytes(step, plan_.own, branches);
      if (settings_.accumulate > 1)
        bytes += recorded_bytes(std::span(step).first(1), plan_.own, branches);
    }
    return bytes;
  }

  Status count_backend() {
    FLAME_ASSIGN(plan_.own, target_.own_memory());
    plan_.recorded_bytes = recordings();
    return {};
  }

  // As long as it is too much, the pass that takes most is made compact, and computes some values
  // twice if that is not enough.
  Status fit() {
    const uint64_t limit = *settings_.memory_bytes;
    while (plan_.whole_bytes() > limit) {
      std::optional<size_t> next;
      for (size_t i = 0; i < plan_.passes.size(); ++i) {
        const PlacedProgram &placed = plan_.passes[i].placed;
        if (placed.compact) continue;
        if (!next || placed.arena_bytes > plan_.passes[*next].placed.arena_bytes) next = i;
      }
      if (!next) return too_large(plan_.whole_bytes());
      FLAME_TRY(shrink(*next, limit));
    }
    return {};
  }

  Status shrink(size_t index, uint64_t limit) {
    TrainPlan::Pass &pass = plan_.passes[index];
    uint64_t arena = plan_.update.arena_bytes, own = 0;
    for (const TrainPlan::Pass &each : plan_.passes)
      arena = std::max(arena, each.placed.arena_bytes);
    for (const Storage &storage : pass.placed.storages)
      if (storage.external) own += allocated_bytes(storage.size_bytes);
    // The step too: branches anywhere make the whole recording one with branches.
    pass.placed.compact = plan_.update.compact = true;
    plan_.recorded_bytes = recordings();
    const uint64_t beside = plan_.whole_bytes() - arena;
    if (beside >= limit) return too_large(beside);
    PlaceRequest placement = placements_[index];
    placement.compact = true;
    FLAME_ASSIGN(Recomputed less,
                 recompute(pass.program, target_, placement, limit - beside + own));
    pass.placed = std::move(less.placed);
    pass.extra_work = less.extra_work;
    return count_backend();
  }

  Error too_large(uint64_t least) const {
    return Error{ErrorKind::kOutOfMemory,
                 fmt::format("training needs {} for weights, adapters, gradients, optimizer and "
                             "the backend itself, but backend.memory allows {}",
                             rounded_size_text(least), rounded_size_text(*settings_.memory_bytes)),
                 "allow more, store in bf16, or train fewer layers or a lower rank"};
  }

  const PaintModels &models_;
  const std::vector<TrainedPart> &parts_;
  const TrainSettings &settings_;
  Target &target_;
  TrainPlan plan_;
  std::vector<PlaceRequest> placements_;  // of the passes, kept to place them in less memory
};

}  // namespace

std::string TrainBucket::prefix() const {
  return fmt::format("{}x{}{}/", height, width, masked ? " masked" : "");
}

TensorMap TrainPlan::learned_types() const {
  TensorMap types;
  for (const FlatGroup &group : layout) {
    for (const FlatSlice &slice : group.slices)
      types[slice.parameter].type = {kMaster, slice.type.shape};
  }
  return types;
}

uint64_t TrainPlan::total_bytes() const {
  std::map<std::string_view, uint64_t> named;
  uint64_t arena = 0;
  uint64_t outputs = 0;  // each program has its own
  const auto add = [&](const PlacedProgram &placed) {
    arena = std::max(arena, placed.arena_bytes);
    for (const Storage &storage : placed.storages) {
      if (!storage.external) continue;
      const uint64_t bytes = allocated_bytes(storage.size_bytes);
      if (storage.memory_class == MemoryClass::kOutputs) {
        outputs += bytes;
      } else {
        named[storage.name] = bytes;
      }
    }
  };
  for (const Pass &pass : passes) add(pass.placed);
  add(update);
  uint64_t total = arena + outputs;
  for (const auto &[name, bytes] : named) total += bytes;
  return total;
}

Result<TrainPlan> plan_training(const PaintModels &models, const std::vector<TrainedPart> &parts,
                                const std::vector<TrainBucket> &buckets,
                                const TrainSettings &settings, Target &target) {
  return Planner(models, parts, settings, target).plan(buckets);
}

}  // namespace flame
