#include "core/cli/crosscheck_pipeline.h"

#include <fmt/core.h>

#include <algorithm>
#include <chrono>

#include "core/base/file.h"
#include "core/base/terminal.h"
#include "core/cli/backend_request.h"
#include "core/cli/crosscheck_recording.h"
#include "core/cli/installed.h"
#include "core/cli/progress.h"
#include "core/cli/read_pipeline.h"
#include "core/cli/step_report.h"
#include "core/cli/train_settings.h"
#include "core/cli/train_start.h"
#include "core/cli/training_inputs.h"
#include "core/pipeline/device_request.h"
#include "core/pipeline/section_values.h"
#include "core/plugin/backends.h"
#include "core/train/random_batch.h"
#include "core/train/step_check.h"

namespace flame::cli {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::string_view kUsualReference = "onednn";

// The answer of `call`, and how long it took.
template <typename Call>
auto timed(StepReportFacts &facts, std::string what, const Call &call) {
  const Clock::time_point start = Clock::now();
  auto result = call();
  facts.seconds.emplace_back(std::move(what),
                             std::chrono::duration<double>(Clock::now() - start).count());
  return result;
}

class StepCrosscheck {
 public:
  explicit StepCrosscheck(const Arguments &arguments) : arguments_(arguments) {}

  Status run(bool &equal) {
    const Catalogue catalogue = installed_catalogue(arguments_);
    FLAME_ASSIGN(pipeline_, read_pipeline(arguments_, arguments_.get("PROGRAM"), catalogue));
    FLAME_TRY(check_sections());
    FLAME_ASSIGN(const std::optional<double> tolerance, read_tolerance(arguments_));
    FLAME_TRY(open_devices());
    FLAME_ASSIGN(training_, open_training_models(host_, *pipeline_));
    check_.facts.pipeline = arguments_.get("PROGRAM");
    FLAME_TRY(prepare());
    FLAME_TRY(start_adapters());
    FLAME_TRY(choose_gates());
    if (tolerance) check_.facts.tier.each.norm_relative = *tolerance;
    FLAME_TRY(compare());
    equal = check_.equal();
    return report();
  }

 private:
  SectionValues section(std::string_view key) const {
    return SectionValues(pipeline_->root.find_section(key));
  }
  bool random_data() const { return arguments_.has("--random-data"); }
  uint64_t seed() const {
    return static_cast<uint64_t>(SectionValues(&pipeline_->root).get<int64_t>("seed"));
  }

  Status check_sections() const {
    const std::string file = printable(pipeline_->file.string());
    if (!pipeline_->root.find_section("train") && pipeline_->root.find_section("sample")) {
      return config_error(
          fmt::format("{} draws pictures and trains nothing; a crosscheck compares a training step",
                      file),
          "add the sections adapter and train (and data, unless --random-data is given)");
    }
    for (const char *key : {"model", "adapter", "train", "data"}) {
      if (pipeline_->root.find_section(key)) continue;
      if (random_data() && std::string_view(key) == "data") continue;
      return config_error(
          fmt::format("{} has no section '{}', so there is no training step to compare", file, key),
          std::string_view(key) == "data" ? "name the pictures there, or give --random-data"
                                          : "a training has model, data, adapter and train");
    }
    return {};
  }

  // The reference computes in f32 without TF32, whatever the pipeline says; the candidate as it says.
  Status open_devices() {
    FLAME_ASSIGN(auto right, read_device_request(arguments_.get("--reference", kUsualReference)));
    OpenDeviceRequest tried = device_request(*pipeline_);
    if (arguments_.has("--candidate")) {
      FLAME_ASSIGN(OpenDeviceRequest named, read_device_request(arguments_.get("--candidate")));
      named.tf32 = tried.tf32;
      named.deterministic = named.deterministic || tried.deterministic;
      tried = std::move(named);
    }
    tf32_ = tried.tf32 || std::ranges::any_of(tried.options, [](const auto &option) {
              return option.first == "tf32" && option.second == "true";
            });
    OpenDeviceRequest requests[] = {std::move(right), std::move(tried)};
    FLAME_TRY(set_threads(arguments_, *pipeline_->catalogue, requests));
    FLAME_ASSIGN(reference_device_, open_device(host_, *pipeline_->catalogue, requests[0]));
    FLAME_ASSIGN(candidate_device_, open_device(host_, *pipeline_->catalogue, requests[1]));
    const bool same = reference_device_->name() == candidate_device_->name() &&
                      requests[0].index == requests[1].index &&
                      requests[0].options == requests[1].options && !tf32_ &&
                      requests[0].deterministic == requests[1].deterministic &&
                      requests[1].values.empty();
    check_.facts.reference = device_text(*reference_device_);
    check_.facts.candidate = device_text(*candidate_device_);
    if (!same) return {};
    return config_error(
        fmt::format("the reference and the candidate are both '{}', which proves nothing",
                    reference_device_->name()),
        "name two backends with --reference and --candidate, such as --candidate cuda");
  }

  static std::string device_text(const Device &device) {
    return fmt::format("{}, {}", device.name(), device.info().name);
  }

  Status prepare() {
    FLAME_TRY(prepare_data());
    TrainSettings reference = training_->settings;
    reference.compute = DType::kF32;
    reference.memory_bytes.reset();
    FLAME_TRY(make_trainer("reference ready", reference, *reference_device_, reference_));
    FLAME_TRY(make_trainer("candidate ready", training_->settings, *candidate_device_, candidate_));
    const DType compute = training_->settings.compute;
    if (compute != DType::kF32) FLAME_TRY(reference_->round_weights(compute));
    if (random_data()) {
      FLAME_ASSIGN(
          input_,
          random_batch(reference_->plan(), *training_->levels, training_->parts->encoders,
                       {seed(), 0, training_->settings.batch, training_->settings.text_rows}));
    }
    round_states(input_, compute);
    check_.facts.step =
        fmt::format("{}{}, batch {}, {} x {} pixels", name_of(compute), tf32_ ? " with tf32" : "",
                    training_->settings.batch, bucket_.height, bucket_.width);
    return {};
  }

  Status prepare_data() {
    if (random_data()) {
      const int64_t side = resolution();
      const int64_t unit = training_->models->paint.spec.latent_size;
      if (side % unit != 0) {
        return config_error(
            fmt::format("the model takes multiples of {} pixels, and {} is none", unit, side),
            "change data.resolution");
      }
      bucket_ = {side, side, false};
      check_.facts.data = fmt::format(
          "latents and texts of seeded random numbers, seed {} (--random-data)", seed());
      return {};
    }
    data_.emplace(host_, *pipeline_, *training_, *reference_device_);
    FLAME_ASSIGN(const std::vector<DataNote> unused, data_->open());
    FLAME_TRY(data_->open_features());
    FLAME_TRY(data_->order());
    FLAME_ASSIGN(input_, data_->feeder().input(0));
    data_->release();
    bucket_ = data_->set().buckets[input_.bucket];
    input_.bucket = 0;
    check_.facts.data = fmt::format("the first micro-batch, seed {}:", seed());
    for (const std::string &source : input_.sources) check_.facts.data += " " + source;
    return {};
  }

  // Of the data section, else what the model usually has.
  int64_t resolution() const {
    const ResolvedSection *data = pipeline_->root.find_section("data");
    const int64_t *given =
        data ? value_of<int64_t>(data->component_options, "resolution") : nullptr;
    return given ? *given : training_->models->paint.spec.usual_size;
  }

  Status make_trainer(const char *what, const TrainSettings &settings, Device &device,
                      std::unique_ptr<Trainer> &into) {
    return timed(check_.facts, what, [&]() -> Status {
      const PaintModels &paint = training_->models->paint;
      FLAME_ASSIGN(TrainPlan plan,
                   plan_training(paint, training_->parts->parts, {bucket_}, settings, device));
      ProgressLine line("loading weights");
      FLAME_ASSIGN(into, Trainer::make(
                             std::move(plan), paint,
                             trainer_settings(*pipeline_, training_->parts->learning_rates), device,
                             [&](uint64_t done, uint64_t total) { line.show(done, total); }));
      return {};
    });
  }

  Status start_adapters() {
    FLAME_ASSIGN(TensorMap start, reference_->parameters());
    const auto file = section("adapter").get<std::string>("continue_from");
    if (!file.empty()) {
      FLAME_ASSIGN(TensorMap given, read_start(file, *training_->models, *training_->parts, start));
      for (auto &[name, tensor] : given) start[name] = std::move(tensor);
    }
    start_ = moved_start(reference_->plan(), start, seed(), training_->settings.compute);
    FLAME_TRY(reference_->start_from(start_));
    FLAME_TRY(candidate_->start_from(start_));
    int64_t count = 0;
    for (const auto &[name, tensor] : start_) count += tensor.type.shape.element_count();
    check_.facts.start = fmt::format(
        "{} parameters in {} tensors; those that start as one number, such as zeros, are moved by "
        "normal numbers of seed {}, so that every gradient says something",
        count, start_.size(), seed());
    return {};
  }

  // Of a narrow type, what the reference's own step is off by when it rounds as much.
  Status choose_gates() {
    conformance::Tier &tier = check_.facts.tier;
    const DType compute = training_->settings.compute;
    check_.facts.depth = depth_of(candidate_->plan().passes.front().program);
    tier = step_tier(compute, tf32_, check_.facts.depth);
    if (compute == DType::kF32) return {};
    TrainSettings narrow = training_->settings;
    narrow.memory_bytes.reset();
    std::unique_ptr<Trainer> rounded;
    FLAME_TRY(make_trainer("rounded reference ready", narrow, *reference_device_, rounded));
    FLAME_TRY(rounded->start_from(start_));
    FLAME_ASSIGN(const StepCheck noise, check_step(*reference_, *rounded, input_, tier));
    check_.facts.rounding = noise.gradients;
    tier = widened_tier(tier, noise);
    return {};
  }

  Status compare() {
    FLAME_ASSIGN(check_.step, timed(check_.facts, "steps and comparison", [&] {
                   return check_step(*reference_, *candidate_, input_, check_.facts.tier);
                 }));
    const bool single = training_->settings.compute == DType::kF32 && !tf32_;
    if (single && !arguments_.has("--tolerance"))
      FLAME_TRY(judge_by_last_digits(*reference_, input_, check_.step));
    print_step(check_);
    if (!arguments_.has("--lockstep")) return {};
    // The candidate's memory is free for single ops; the reference's step still holds the weights.
    const Program program = candidate_->plan().passes.front().program;
    candidate_.reset();
    ProgressLine line("comparing ops");
    FLAME_ASSIGN(check_.lockstep, timed(check_.facts, "lockstep", [&] {
                   return check_step_ops(*reference_, *reference_device_, program, 0,
                                         *candidate_device_, [&](size_t done, size_t total) {
                                           line.show(done, total);
                                           return Status();
                                         });
                 }));
    return {};
  }

  Status report() const {
    print_step_end(check_);
    if (arguments_.has("--json")) {
      FLAME_TRY(write_file_atomically(arguments_.get("--json"), to_json(check_).dump(1) + "\n"));
    }
    if (!arguments_.has("--html")) return {};
    return write_file_atomically(arguments_.get("--html"), step_page(check_));
  }

  const Arguments &arguments_;
  std::optional<Pipeline> pipeline_;
  PluginHost host_{{}};
  std::unique_ptr<Device> reference_device_, candidate_device_;
  bool tf32_ = false;
  std::unique_ptr<TrainingModels> training_;
  std::optional<TrainingData> data_;
  TrainBucket bucket_;
  PassInput input_;
  std::unique_ptr<Trainer> reference_, candidate_;
  TensorMap start_;  // of the adapters
  CheckedStep check_;
};

}  // namespace

bool names_pipeline(const Arguments &arguments) {
  const std::string file = arguments.get("PROGRAM");
  return !file.empty() && !names_recording(arguments) && !file.ends_with(".json");
}

Status check_pipeline_step(const Arguments &arguments, bool &equal) {
  return StepCrosscheck(arguments).run(equal);
}

}  // namespace flame::cli
