#include "core/sample/paint_programs.h"

#include <fmt/core.h>

#include <algorithm>

#include "core/base/rounded_size.h"
#include "core/ops/catalogue/terms.h"
#include "core/sample/planned_program.h"
#include "core/sample/step_program.h"
#include "core/sample/text_form.h"
#include "core/sample/weight_jobs.h"

namespace flame {
namespace {

constexpr std::string_view kDecode = "decode";

}  // namespace

// Plans one program after the other, then makes them: the one with the largest arena first, since all
// take turns in it.
class PaintPrograms::Planner {
 public:
  Planner(const PaintModels &models, const PluginSampler &sampler, const PaintSettings &settings,
          Device &device, const LiveAdapter *live, PaintPrograms &made)
      : models_(models),
        sampler_(sampler),
        settings_(settings),
        device_(device),
        live_(live),
        made_(made) {}

  Status make(const LoadProgress &progress) {
    FLAME_TRY(check_sizes());
    FLAME_ASSIGN(made_.points, sampler_.levels(settings_.steps, models_.spec.noise_levels));
    FLAME_ASSIGN(text_, text_form(models_));
    FLAME_TRY(plan_encoders());
    FLAME_TRY(plan_conditions());
    FLAME_TRY(plan_step());
    FLAME_TRY(plan_decoder());
    FLAME_TRY(check_memory());
    FLAME_TRY(make_all());
    FLAME_ASSIGN(made_.stream, device_.create_stream());
    return load(progress);
  }

 private:
  struct Planned {
    PlacedProgram placed;
    std::unique_ptr<Executable> *into = nullptr;
    const PaintModel *model = nullptr;  // whose weights it has; null for the conditions
    std::string prefix;
    Executable::Runs runs = Executable::Runs::kOnce;
  };

  Status check_sizes() const {
    const int64_t unit = models_.spec.latent_size;
    for (const auto &[name, size] :
         {std::pair{"width", settings_.width}, {"height", settings_.height}}) {
      if (size >= unit && size % unit == 0) continue;
      const int64_t near = std::max((size + unit / 2) / unit, int64_t{1}) * unit;
      return config_error(
          fmt::format("the {} of pictures is {}, but the model draws multiples of {}", name, size,
                      unit),
          fmt::format("take {}", near));
    }
    return {};
  }

  Status add(const Program &program, const std::string &role, DType compute,
             std::unique_ptr<Executable> &into, const PaintModel *model,
             const PlaceRequest &placement = {}, Executable::Runs runs = Executable::Runs::kOnce) {
    const std::string prefix = role + "/";
    PlanRequest request{prefix, {compute}, placement};
    if (live_) request.bind = live_->bind;
    FLAME_ASSIGN(PlacedProgram placed, plan_program(program, request, device_));
    planned_.push_back({std::move(placed), &into, model, prefix, runs});
    return {};
  }

  Status plan_encoders() {
    made_.encoders.reserve(models_.parts.size());  // plans point into it
    for (size_t i = 0; i < models_.parts.size(); ++i) {
      const DiffusionPart &part = models_.spec.parts[i];
      if (part.kind != DiffusionPart::Kind::kTextEncoder) continue;
      FLAME_ASSIGN(const Program program, encoder_program(models_.parts[i], text_, 1));
      FLAME_ASSIGN(const Program learned, adapted(part.role, program));
      made_.encoders.push_back({models_.parts[i].model, part.role, nullptr});
      FLAME_TRY(add(learned, part.role, settings_.compute, made_.encoders.back().program,
                    &models_.parts[i]));
    }
    return {};
  }

  Result<Program> adapted(const std::string &role, const Program &program) const {
    if (!live_) return program;
    return live_->adapt(role, program);
  }

  Status plan_conditions() {
    FLAME_ASSIGN(conditions_, conditions_program(models_, text_, 1, settings_.text_rows));
    // In f32: it only moves what the encoders gave.
    return add(conditions_, "conditions", DType::kF32, made_.conditions, nullptr);
  }

  // Everything that the denoiser takes beside the sample and the time comes from the conditions.
  Status check_denoiser(const Program &denoiser) const {
    for (const NamedValue &input : denoiser.inputs()) {
      if (input.name == "sample" || input.name == "timestep") continue;
      const NamedValue *given = conditions_.find_output(input.name);
      const TensorType &wanted = denoiser.type(input.value);
      TensorType one = wanted;
      if (one.shape.rank() > 0) one.shape = with_size(one.shape, 0, 1);
      if (given && conditions_.type(given->value) == one) continue;
      return plugin_error(
          fmt::format("the denoiser wants '{}' as {}, but the conditions give {}", input.name,
                      one.text(), given ? conditions_.type(given->value).text() : "no such output"),
          "use another version of the model's plugin, or tell its author");
    }
    return {};
  }

  Status plan_step() {
    const int64_t unit = models_.spec.latent_size;
    FLAME_ASSIGN(const Program denoiser,
                 models_.denoiser.model->build(models_.spec.denoiser,
                                               {{"batch", settings_.guided() ? 2 : 1},
                                                {"height", settings_.height / unit},
                                                {"width", settings_.width / unit},
                                                {"tokens", settings_.text_rows * text_.tokens}}));
    FLAME_TRY(check_denoiser(denoiser));
    FLAME_ASSIGN(const Program learned, adapted("denoiser", denoiser));
    StepRequest request;
    request.steps = settings_.steps;
    request.prediction = models_.spec.prediction == FLAME_PREDICTS_VELOCITY ? Prediction::kVelocity
                                                                            : Prediction::kEpsilon;
    request.guided = settings_.guided();
    request.rescale = settings_.rescale;
    FLAME_ASSIGN(const StepProgram step, build_step(learned, sampler_, request));
    return add(step.program, "denoiser", settings_.compute, made_.step, &models_.denoiser,
               step.placement, Executable::Runs::kOften);
  }

  Status plan_decoder() {
    const auto part = std::ranges::find(models_.spec.parts, DiffusionPart::Kind::kAutoencoder,
                                        &DiffusionPart::kind);
    const PaintModel &model = models_.parts[part - models_.spec.parts.begin()];
    const int64_t unit = models_.spec.latent_size;
    FLAME_ASSIGN(const Program program,
                 model.model->build(kDecode, {{"batch", 1},
                                              {"height", settings_.height / unit},
                                              {"width", settings_.width / unit}}));
    made_.decoder_role = part->role;
    decoder_model_ = &model;
    // Its activations exceed what f16 can hold.
    const DType compute = settings_.compute == DType::kF16 ? DType::kF32 : settings_.compute;
    FLAME_ASSIGN(const Program stored, stored_program(program, part->role + "/", {compute}));
    if (settings_.tile_rows) {
      FLAME_ASSIGN(made_.decoder, ImageProgram::plan_bands(stored, device_, *settings_.tile_rows));
      return {};
    }
    FLAME_ASSIGN(const uint64_t limit, memory_limit());
    FLAME_ASSIGN(own_, device_.own_memory());
    // No less than what the other programs take in turn.
    const auto fits = [&](const ImageProgram &planned) {
      const Needs needs = all_needs(planned);
      return limit == 0 || needs.arena + needs.rest <= limit ||
             needs.arena > planned.bytes_on(device_);
    };
    FLAME_ASSIGN(made_.decoder, ImageProgram::plan_fitting(stored, device_, fits));
    return {};
  }

  // What may be taken; 0 if nobody knows.
  Result<uint64_t> memory_limit() const {
    if (settings_.memory_bytes) return *settings_.memory_bytes;
    if (device_.readable_by_processor()) return uint64_t{0};
    return device_.free_memory();
  }

  struct Needs {
    uint64_t arena = 0, rest = 0;
  };
  // Tensors of their own add up, arenas are one.
  Needs all_needs(const ImageProgram &decoder) const {
    Needs needs{decoder.bytes_on(device_), decoder.parameter_bytes() + own_.rest};
    for (const Planned &each : planned_) {
      needs.arena = std::max(needs.arena, each.placed.arena_bytes);
      for (const Storage &storage : each.placed.storages)
        if (storage.external) needs.rest += flame::allocated_bytes(storage.size_bytes);
      const PlacedProgram *placed = &each.placed;
      if (each.runs == Executable::Runs::kOften)
        needs.rest += recorded_bytes(std::span(&placed, 1), own_, device_.branches());
    }
    return needs;
  }

  Status check_memory() {
    if (!settings_.memory_bytes) return {};
    FLAME_ASSIGN(own_, device_.own_memory());
    const auto [arena, rest] = all_needs(*made_.decoder);
    if (arena + rest <= *settings_.memory_bytes) return {};
    return Error{
        ErrorKind::kOutOfMemory,
        fmt::format(
            "drawing takes {}, {} of it weights, texts and the backend, {} one after another by "
            "all programs, but backend.memory allows {}",
            rounded_size_text(arena + rest), rounded_size_text(rest), rounded_size_text(arena),
            rounded_size_text(*settings_.memory_bytes)),
        "allow more, draw smaller pictures, or store in bf16"};
  }

  Status make_all() {
    // The largest arena first, as all take turns in it.
    FLAME_TRY(made_.store().arena(made_.decoder->arena_bytes()));
    std::vector<Planned *> order;
    for (Planned &each : planned_) order.push_back(&each);
    std::ranges::stable_sort(order, std::ranges::greater(),
                             [](const Planned *each) { return each->placed.arena_bytes; });
    for (Planned *each : order) {
      FLAME_ASSIGN(*each->into,
                   Executable::make(std::move(each->placed), made_.store(), each->runs));
    }
    return made_.decoder->make(made_.store());
  }

  Status load(const LoadProgress &progress) {
    std::vector<WeightJob> jobs;
    for (const Planned &each : planned_) {
      if (!each.model) continue;
      FLAME_TRY(add_missing(*each.model, places_of(**each.into, each.prefix), each.prefix, jobs));
    }
    FLAME_TRY(
        add_missing(*decoder_model_, made_.decoder->parameters(), made_.decoder_role + "/", jobs));
    return load_weights(jobs, device_, made_.stream, progress);
  }

  // What a training has read already is there.
  Status add_missing(const PaintModel &model, std::vector<ImageProgram::ParameterPlace> places,
                     const std::string &prefix, std::vector<WeightJob> &jobs) const {
    if (live_) {
      std::erase_if(places, [&](const auto &place) { return live_->is_loaded(place.name); });
    }
    return add_jobs(model, places, prefix, jobs);
  }

  const PaintModels &models_;
  const PluginSampler &sampler_;
  const PaintSettings &settings_;
  Device &device_;
  const LiveAdapter *live_;  // or null
  PaintPrograms &made_;

  const PaintModel *decoder_model_ = nullptr;
  TextForm text_;
  Program conditions_;
  std::vector<Planned> planned_;
  OwnMemory own_;  // what the backend takes for itself, as far as it was known
};

Result<std::unique_ptr<PaintPrograms>> PaintPrograms::make(
    const PaintModels &models, const PluginSampler &sampler, const PaintSettings &settings,
    Device &device, const LoadProgress &progress, const LiveAdapter *live) {
  std::unique_ptr<PaintPrograms> made(
      new PaintPrograms(settings, device, live ? live->store : nullptr));
  FLAME_TRY(Planner(models, sampler, settings, device, live, *made).make(progress));
  return made;
}

}  // namespace flame
