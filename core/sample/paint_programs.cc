#include "core/sample/paint_programs.h"

#include <fmt/core.h>

#include <algorithm>

#include "core/base/rounded_size.h"
#include "core/ops/catalogue/terms.h"
#include "core/sample/planned_program.h"
#include "core/sample/step_program.h"
#include "core/sample/weight_jobs.h"

namespace flame {
namespace {

constexpr std::string_view kDecode = "decode";

using Sizes = std::vector<std::pair<std::string, int64_t>>;

int64_t last_size(const TensorType &type) {
  return type.shape.rank() == 0 ? 1 : type.shape.back(0);
}

}  // namespace

// Plans one program after the other, then makes them: the one with the largest arena first, since all
// take turns in it.
class PaintPrograms::Planner {
 public:
  Planner(const PaintModels &models, const PluginSampler &sampler, const PaintSettings &settings,
          Device &device, PaintPrograms &made)
      : models_(models), sampler_(sampler), settings_(settings), device_(device), made_(made) {}

  Status make(const LoadProgress &progress) {
    FLAME_TRY(check_sizes());
    FLAME_ASSIGN(made_.points, sampler_.levels(settings_.steps, models_.spec.noise_levels));
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
    FLAME_ASSIGN(PlacedProgram placed,
                 plan_program(program, {prefix, {compute}, placement}, device_));
    planned_.push_back({std::move(placed), &into, model, prefix, runs});
    return {};
  }

  Status plan_encoders() {
    made_.encoders.reserve(models_.parts.size());  // plans point into it
    for (size_t i = 0; i < models_.parts.size(); ++i) {
      const DiffusionPart &part = models_.spec.parts[i];
      if (part.kind != DiffusionPart::Kind::kTextEncoder) continue;
      const PluginModel &model = *models_.parts[i].model;
      FLAME_ASSIGN(const TokenRows row, model.tokenize("", 1));
      if (tokens_ != 0 && tokens_ != row.row_length) {
        return config_error(
            fmt::format("the text encoders have rows of {} and {} tokens", tokens_, row.row_length),
            "take encoders that belong to the model");
      }
      tokens_ = row.row_length;
      FLAME_ASSIGN(const Program program,
                   model.build(model.programs().front(), {{"batch", 1}, {"tokens", tokens_}}));
      for (const NamedValue &output : program.outputs()) {
        text_sizes_.emplace_back(part.role + "." + output.name,
                                 last_size(program.type(output.value)));
      }
      made_.encoders.push_back({&model, part.role, nullptr});
      FLAME_TRY(add(program, part.role, settings_.compute, made_.encoders.back().program,
                    &models_.parts[i]));
    }
    return {};
  }

  Status plan_conditions() {
    Sizes sizes = text_sizes_;
    sizes.insert(sizes.end(), {{"batch", 1}, {"rows", settings_.text_rows}, {"tokens", tokens_}});
    FLAME_ASSIGN(conditions_, models_.denoiser.model->build(models_.spec.conditions, sizes));
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
                                                {"tokens", settings_.text_rows * tokens_}}));
    FLAME_TRY(check_denoiser(denoiser));
    StepRequest request;
    request.steps = settings_.steps;
    request.prediction = models_.spec.prediction == FLAME_PREDICTS_VELOCITY ? Prediction::kVelocity
                                                                            : Prediction::kEpsilon;
    request.guided = settings_.guided();
    request.rescale = settings_.rescale;
    FLAME_ASSIGN(const StepProgram step, build_step(denoiser, sampler_, request));
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
    FLAME_ASSIGN(made_.decoder, ImageProgram::plan(stored, device_));
    return fit_decoder(stored);
  }

  // Takes bands, half as high each time, until the decoder takes no more than is there, or no more
  // than the other programs.
  Status fit_decoder(const Program &stored) {
    FLAME_ASSIGN(const uint64_t limit, memory_limit());
    const auto fits = [&] {
      const Needs needs = all_needs();
      return limit == 0 || needs.arena + needs.rest <= limit || needs.arena > decoder_arena();
    };
    if (fits() || !find_stages(stored)) return {};
    for (int64_t rows = settings_.height / 2; rows >= models_.spec.latent_size; rows /= 2) {
      FLAME_ASSIGN(made_.decoder, ImageProgram::plan_bands(stored, device_, rows));
      if (fits()) break;
    }
    return {};
  }

  // What may be taken; 0 if nobody knows.
  Result<uint64_t> memory_limit() const {
    if (settings_.memory_bytes) return *settings_.memory_bytes;
    if (device_.readable_by_processor()) return uint64_t{0};
    return device_.free_memory();
  }

  // What is kept between bands is the device's own memory, if the processor computes.
  uint64_t decoder_arena() const {
    return made_.decoder->arena_bytes() +
           (device_.readable_by_processor() ? made_.decoder->host_bytes() : 0);
  }

  struct Needs {
    uint64_t arena = 0, rest = 0;
  };
  // Tensors of their own add up, arenas are one.
  Needs all_needs() const {
    Needs needs{decoder_arena(), made_.decoder->parameter_bytes()};
    for (const Planned &each : planned_) {
      needs.arena = std::max(needs.arena, each.placed.arena_bytes);
      for (const Storage &storage : each.placed.storages)
        if (storage.external) needs.rest += flame::allocated_bytes(storage.size_bytes);
    }
    return needs;
  }

  Status check_memory() const {
    if (!settings_.memory_bytes) return {};
    const auto [arena, rest] = all_needs();
    if (arena + rest <= *settings_.memory_bytes) return {};
    return Error{
        ErrorKind::kOutOfMemory,
        fmt::format("drawing takes {}, {} of it weights and texts, {} one after another by "
                    "all programs, but backend.memory allows {}",
                    rounded_size_text(arena + rest), rounded_size_text(rest),
                    rounded_size_text(arena), rounded_size_text(*settings_.memory_bytes)),
        "allow more, draw smaller pictures, or store in bf16"};
  }

  Status make_all() {
    // The largest arena first, as all take turns in it.
    FLAME_TRY(made_.store_.arena(made_.decoder->arena_bytes()));
    std::vector<Planned *> order;
    for (Planned &each : planned_) order.push_back(&each);
    std::ranges::stable_sort(order, std::ranges::greater(),
                             [](const Planned *each) { return each->placed.arena_bytes; });
    for (Planned *each : order) {
      FLAME_ASSIGN(*each->into,
                   Executable::make(std::move(each->placed), made_.store_, each->runs));
    }
    return made_.decoder->make(made_.store_);
  }

  Status load(const LoadProgress &progress) {
    std::vector<WeightJob> jobs;
    for (const Planned &each : planned_) {
      if (!each.model) continue;
      FLAME_TRY(add_jobs(*each.model, places_of(**each.into, each.prefix), each.prefix, jobs));
    }
    FLAME_TRY(
        add_jobs(*decoder_model_, made_.decoder->parameters(), made_.decoder_role + "/", jobs));
    return load_weights(jobs, device_, made_.stream, progress);
  }

  const PaintModels &models_;
  const PluginSampler &sampler_;
  const PaintSettings &settings_;
  Device &device_;
  PaintPrograms &made_;

  const PaintModel *decoder_model_ = nullptr;
  int64_t tokens_ = 0;  // of a row
  Sizes text_sizes_;    // of the encoders' outputs, as the conditions want them
  Program conditions_;
  std::vector<Planned> planned_;
};

Result<std::unique_ptr<PaintPrograms>> PaintPrograms::make(const PaintModels &models,
                                                           const PluginSampler &sampler,
                                                           const PaintSettings &settings,
                                                           Device &device,
                                                           const LoadProgress &progress) {
  std::unique_ptr<PaintPrograms> made(new PaintPrograms(settings, device));
  FLAME_TRY(Planner(models, sampler, settings, device, *made).make(progress));
  return made;
}

}  // namespace flame
