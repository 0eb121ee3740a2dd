#include "core/cli/plan_phases.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include "core/cli/train_settings.h"
#include "core/sample/planned_program.h"
#include "core/train/live_adapter.h"
#include "core/train/plan_memory.h"

namespace flame::cli {
namespace {

constexpr std::string_view kEncode = "encode", kDecode = "decode";

void add(std::vector<uint64_t> &bytes, const std::vector<uint64_t> &more) {
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] += more[i];
}

bool is_named(const Storage &storage) {
  return storage.external && storage.memory_class != MemoryClass::kOutputs;
}

// Programs that share a store: named tensors once, outputs each its own, the largest arena.
class SharedMemory {
 public:
  void add(const PlacedProgram &placed) {
    if (placed.arena_bytes >= arena_) {
      arena_ = placed.arena_bytes;
      of_arena_ = placed.bytes_by_class();
    }
    for (const Storage &storage : placed.storages) {
      if (is_named(storage)) named_[storage.name] = &storage;
      if (storage.external && !is_named(storage)) outputs_ += allocated_bytes(storage.size_bytes);
    }
  }
  void record(uint64_t bytes) { backend_ += bytes; }
  // What another owns already: its names, and an arena of that size.
  std::vector<uint64_t> bytes(const std::map<std::string, const Storage *> &known,
                              uint64_t known_arena) const {
    std::vector<uint64_t> sum(kMemoryClassCount, 0);
    for (const auto &[name, storage] : named_) {
      if (!known.contains(name))
        sum[static_cast<size_t>(storage->memory_class)] += allocated_bytes(storage->size_bytes);
    }
    sum[static_cast<size_t>(MemoryClass::kOutputs)] = outputs_;
    sum[static_cast<size_t>(MemoryClass::kBackend)] = backend_;
    for (const MemoryClass shared : {MemoryClass::kWorkspace, MemoryClass::kActivations}) {
      if (arena_ > known_arena && !of_arena_.empty())
        sum[static_cast<size_t>(shared)] = of_arena_[static_cast<size_t>(shared)];
    }
    return sum;
  }
  const std::map<std::string, const Storage *> &named() const { return named_; }
  uint64_t arena() const { return arena_; }

 private:
  std::map<std::string, const Storage *> named_;
  std::vector<uint64_t> of_arena_;
  uint64_t arena_ = 0, outputs_ = 0;
  uint64_t backend_ = 0;  // what the backend takes for itself
};

class RunPlanner {
 public:
  RunPlanner(const PlanRequestOfRun &request, Device &device)
      : pipeline_(*request.pipeline),
        models_(*request.models),
        parts_(request.parts),
        set_(request.set),
        unlimited_(request.unlimited),
        device_(device),
        compute_(stored_type()) {}

  Result<std::unique_ptr<PlannedRun>> plan() {
    FLAME_ASSIGN(form_, text_form(models_));
    if (parts_) FLAME_TRY(plan_features());
    if (parts_) FLAME_TRY(plan_training_phase());
    if (pipeline_.root.find_section("sample")) FLAME_TRY(plan_pictures());
    FLAME_ASSIGN(const OwnMemory own, device_.own_memory());
    made_->device_bytes = own.device;
    return std::move(made_);
  }

 private:
  using Programs = std::vector<std::pair<const PlacedProgram *, double>>;

  DType stored_type() const { return compute_type(pipeline_.root.find_section("backend")); }

  Result<const PlacedProgram *> placed(const Program &program, const std::string &role,
                                       DType compute, SharedMemory &memory) {
    const std::string prefix = role + "/";
    PlanRequest request{prefix, {compute}, {}};
    if (const TrainPlan *training = made_->training.get())
      request.bind = [training](const Program &named) {
        return bound_to_buffers(*training, named);
      };
    FLAME_ASSIGN(PlacedProgram planned, plan_program(program, request, device_));
    made_->programs.push_back(std::make_unique<PlacedProgram>(std::move(planned)));
    memory.add(*made_->programs.back());
    return made_->programs.back().get();
  }

  // The autoencoder's program for pictures of a size. Its activations exceed what f16 can hold.
  Result<const PlacedProgram *> autoencoder(std::string_view name, int64_t height, int64_t width,
                                            SharedMemory &memory) {
    const auto part = std::ranges::find(models_.spec.parts, DiffusionPart::Kind::kAutoencoder,
                                        &DiffusionPart::kind);
    const PaintModel &model = models_.parts[static_cast<size_t>(part - models_.spec.parts.begin())];
    FLAME_ASSIGN(const Program program,
                 model.model->build(name, {{"batch", 1}, {"height", height}, {"width", width}}));
    return placed(program, part->role, compute_ == DType::kF16 ? DType::kF32 : compute_, memory);
  }

  Result<Programs> encoders(SharedMemory &memory, const std::vector<std::string> *roles,
                            double times) {
    Programs programs;
    for (size_t i = 0; i < models_.parts.size(); ++i) {
      const DiffusionPart &part = models_.spec.parts[i];
      if (part.kind != DiffusionPart::Kind::kTextEncoder) continue;
      if (roles && std::ranges::find(*roles, part.role) == roles->end()) continue;
      FLAME_ASSIGN(Program program, encoder_program(models_.parts[i], form_, 1));
      FLAME_ASSIGN(const Program with, learned(part.role, std::move(program)));
      FLAME_ASSIGN(const PlacedProgram *made, placed(with, part.role, compute_, memory));
      programs.emplace_back(made, times);
    }
    return programs;
  }

  Status plan_features() {
    PlannedPhase phase{"latents and texts", {}, {}};
    SharedMemory memory;
    std::vector<double> pictures(set_->buckets.size(), 0);
    double captions = 1;
    for (const auto *list : {&set_->learned, &set_->held_out}) {
      for (const TrainingSet::Example &each : *list) {
        pictures[each.bucket] += static_cast<double>(each.info.picture_variants);
        captions += static_cast<double>(each.info.caption_variants);
      }
    }
    Programs programs;
    for (size_t i = 0; i < set_->buckets.size(); ++i) {
      const TrainBucket &bucket = set_->buckets[i];
      FLAME_ASSIGN(const PlacedProgram *encoder,
                   autoencoder(kEncode, bucket.height, bucket.width, memory));
      programs.emplace_back(encoder, pictures[i]);
    }
    FLAME_ASSIGN(const Programs texts, encoders(memory, &parts_->cached_roles, captions));
    programs.insert(programs.end(), texts.begin(), texts.end());
    FLAME_ASSIGN(const OwnMemory own, device_.own_memory());
    memory.record(own.rest);
    phase.bytes = memory.bytes({}, 0);
    phase.work.push_back({"all that is not kept yet", 1, std::move(programs)});
    made_->phases.push_back(std::move(phase));
    return {};
  }

  Status plan_training_phase() {
    TrainSettings settings = train_settings(pipeline_, models_.spec);
    if (unlimited_) settings.memory_bytes.reset();
    FLAME_ASSIGN(TrainPlan plan,
                 plan_training(models_, parts_->parts, set_->buckets, settings, device_));
    made_->training = std::make_unique<TrainPlan>(std::move(plan));
    PlannedPhase phase{"training", bytes_by_class(*made_->training), {}};
    // Captions without end are encoded as they come, beside the steps.
    const bool endless = std::ranges::any_of(
        set_->learned, [](const auto &each) { return each.info.caption_variants == 0; });
    Programs texts;
    if (endless) {
      SharedMemory memory;
      FLAME_ASSIGN(texts, encoders(memory, &parts_->cached_roles, 1));
      add(phase.bytes, memory.bytes({}, 0));
    }
    phase.work.push_back({"step", steps(), step_programs(std::move(texts))});
    made_->phases.push_back(std::move(phase));
    return {};
  }

  double steps() const {
    return static_cast<double>(
        SectionValues(pipeline_.root.find_section("train")).get<int64_t>("steps"));
  }

  // Of one step, each bucket as often as its examples are shown.
  Programs step_programs(Programs texts) const {
    const SectionValues train(pipeline_.root.find_section("train"));
    const auto passes = static_cast<double>(train.get<int64_t>("accumulate", 1));
    std::vector<double> shown(set_->buckets.size(), 0);
    for (const TrainingSet::Example &each : set_->learned) shown[each.bucket] += each.info.repeats;
    const double all = std::max(std::accumulate(shown.begin(), shown.end(), 0.0), 1e-9);
    Programs programs = std::move(texts);
    for (auto &[program, times] : programs)
      times = passes * static_cast<double>(train.get<int64_t>("batch", 1));
    for (size_t i = 0; i < shown.size(); ++i)
      programs.emplace_back(&made_->training->passes[i].placed, passes * shown[i] / all);
    programs.emplace_back(&made_->training->update, 1);
    return programs;
  }

  // With what a training has made of it, once there is one.
  Result<Program> learned(const std::string &role, Program program) const {
    if (!made_->training) return program;
    const auto part = std::ranges::find(parts_->parts, role, &TrainedPart::role);
    if (part == parts_->parts.end()) return program;
    FLAME_ASSIGN(Adapted adapted, adapt(program, part->adapt));
    return std::move(adapted.program);
  }

  Status plan_pictures() {
    const SectionValues sample(pipeline_.root.find_section("sample"));
    const int64_t unit = models_.spec.latent_size;
    const auto width = sample.get<int64_t>("width", models_.spec.usual_size);
    const auto height = sample.get<int64_t>("height", models_.spec.usual_size);
    const auto rows = static_cast<uint32_t>(sample.get<int64_t>("text_rows", 1));
    const double guidance = sample.get<double>("guidance", models_.spec.usual_guidance);
    if (width < unit || height < unit || width % unit != 0 || height % unit != 0)
      return config_error(fmt::format("pictures of {} × {} cannot be drawn, the model draws "
                                      "multiples of {}",
                                      width, height, unit),
                          "change sample.width and sample.height");
    SharedMemory memory;
    FLAME_ASSIGN(Programs programs, encoders(memory, nullptr, guidance == 1 ? 1 : 2));
    FLAME_ASSIGN(const Program conditions, conditions_program(models_, form_, 1, rows));
    FLAME_ASSIGN(const PlacedProgram *placed_conditions,
                 placed(conditions, "conditions", DType::kF32, memory));
    programs.emplace_back(placed_conditions, 1);
    FLAME_ASSIGN(Program denoiser, models_.denoiser.model->build(
                                       models_.spec.denoiser, {{"batch", guidance == 1 ? 1 : 2},
                                                               {"height", height / unit},
                                                               {"width", width / unit},
                                                               {"tokens", rows * form_.tokens}}));
    FLAME_ASSIGN(const Program with, learned(std::string(kDenoiserRole), std::move(denoiser)));
    FLAME_ASSIGN(const PlacedProgram *step,
                 placed(with, std::string(kDenoiserRole), compute_, memory));
    programs.emplace_back(step, static_cast<double>(sample.get<int64_t>("steps", 20)));
    FLAME_ASSIGN(const OwnMemory own, device_.own_memory());
    memory.record(recorded_bytes(std::span(&step, 1), own, device_.branches()));
    FLAME_ASSIGN(const PlacedProgram *decoder,
                 autoencoder(kDecode, height / unit, width / unit, memory));
    programs.emplace_back(decoder, 1);

    PlannedPhase phase{parts_ ? "pictures beside the training" : "pictures", {}, {}};
    SharedMemory training;
    if (parts_) {
      for (const TrainPlan::Pass &pass : made_->training->passes) training.add(pass.placed);
      training.add(made_->training->update);
    }
    FLAME_ASSIGN(const OwnMemory all, device_.own_memory());
    memory.record(all.rest - (parts_ ? made_->training->own.rest : 0));
    phase.bytes = memory.bytes(training.named(), training.arena());
    if (parts_) add(phase.bytes, made_->phases.back().bytes);
    const auto prompts = static_cast<double>(sample.texts("prompts").size());
    phase.work.push_back({"picture", prompts * picture_sets(sample), std::move(programs)});
    made_->phases.push_back(std::move(phase));
    return {};
  }

  // Before the first step, every so many steps, and at the end.
  double picture_sets(const SectionValues &sample) const {
    if (!parts_) return 1;
    const auto every = static_cast<double>(sample.get<int64_t>("every"));
    return every > 0 ? 1 + std::ceil(steps() / every) : 2;
  }

  const Pipeline &pipeline_;
  const PaintModels &models_;
  const TrainParts *parts_;
  const TrainingSet *set_;
  const bool unlimited_;
  Device &device_;
  DType compute_;
  TextForm form_;
  std::unique_ptr<PlannedRun> made_ = std::make_unique<PlannedRun>();
};

}  // namespace

uint64_t PlannedPhase::total() const {
  return std::accumulate(bytes.begin(), bytes.end(), uint64_t{0});
}

const PlannedPhase *PlannedRun::peak() const {
  const auto largest = std::ranges::max_element(phases, {}, &PlannedPhase::total);
  return largest == phases.end() ? nullptr : &*largest;
}

Result<std::unique_ptr<PlannedRun>> plan_run(const PlanRequestOfRun &request, Device &device) {
  return RunPlanner(request, device).plan();
}

}  // namespace flame::cli
