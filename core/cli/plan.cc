// `flamehost plan FILE`: what a pipeline will take of a device, and how long, before anything is
// loaded.
#include <fmt/core.h>

#include <algorithm>
#include <array>

#include "core/base/json.h"
#include "core/base/log.h"
#include "core/base/rounded_size.h"
#include "core/base/terminal.h"
#include "core/cli/commands.h"
#include "core/cli/installed.h"
#include "core/cli/plan_phases.h"
#include "core/cli/plan_time.h"
#include "core/cli/read_pipeline.h"
#include "core/io/model_config.h"
#include "core/pipeline/device_request.h"
#include "core/pipeline/section_values.h"
#include "core/plugin/quantity_text.h"

namespace flame::cli {
namespace {

constexpr std::array kArguments = {
    CommandArgument{.name = "FILE", .kind = ValueKind::kFile, .help = "a pipeline file"},
};
constexpr std::array kOptions = {
    CommandOption{.name = "--device-memory",
                  .value = "SIZE",
                  .help = "plan for so much, such as 24GiB, and not for what is free here"},
    CommandOption{.name = "--json", .value = "", .help = "print the plan as JSON"},
    CommandOption{.name = "--set",
                  .value = "KEY=VALUE",
                  .kind = ValueKind::kSetting,
                  .repeated = true,
                  .help = "change one value first, such as train.batch=4; may be repeated"},
};

struct TimedWork {
  std::string phase, what;
  double seconds_each = 0, times = 0;

  double seconds() const { return seconds_each * times; }
};

std::string time_text(double seconds) {
  const auto whole = static_cast<int64_t>(seconds + 0.5);
  if (seconds < 60) return fmt::format("{:.2g} s", seconds);
  if (whole < 3600) return fmt::format("{} min {} s", whole / 60, whole % 60);
  return fmt::format("{} h {} min", whole / 3600, whole / 60 % 60);
}

class PlanCommand {
 public:
  explicit PlanCommand(const Arguments &arguments) : arguments_(arguments) {}

  Status run() {
    const Catalogue catalogue = installed_catalogue(arguments_);
    FLAME_ASSIGN(pipeline_, read_pipeline(arguments_, arguments_.get("FILE"), catalogue));
    FLAME_TRY(check_sections());
    FLAME_TRY(open());
    FLAME_TRY(find_limit());
    FLAME_TRY(plan());
    FLAME_TRY(estimate());
    if (arguments_.has("--json")) print_json();
    if (!arguments_.has("--json")) print_text();
    return verdict();
  }

 private:
  bool trains() const { return pipeline_->root.find_section("train") != nullptr; }

  Status check_sections() const {
    const std::vector<const char *> needed = trains()
                                                 ? std::vector{"model", "data", "adapter", "train"}
                                                 : std::vector{"model", "sample"};
    for (const char *section : needed) {
      if (pipeline_->root.find_section(section)) continue;
      return config_error(fmt::format("{} has no section '{}', so there is nothing to plan",
                                      printable(pipeline_->file.string()), section),
                          "'flamehost schema' shows the sections");
    }
    return {};
  }

  Status open() {
    const ResolvedSection *backend = pipeline_->root.find_section("backend");
    OpenDeviceRequest automatic;
    automatic.reference = "auto";
    FLAME_ASSIGN(device_, open_device(host_, *pipeline_->catalogue,
                                      backend ? device_request(*backend) : automatic));
    FLAME_ASSIGN(models_,
                 open_drawing_models(host_, *pipeline_, *pipeline_->root.find_section("model"),
                                     pipeline_->root.find_section("sample"), ModelWeights::kNone));
    if (!trains()) return {};
    FLAME_ASSIGN(parts_, open_train_parts(host_, *pipeline_, models_->paint));
    const ResolvedSection &data = *pipeline_->root.find_section("data");
    FLAME_ASSIGN(const AttributeList options,
                 model_options(*data.component.component, data.component_options));
    FLAME_ASSIGN(const StartedComponent started, host_.start(data.component));
    FLAME_ASSIGN(const PluginDataSource source,
                 PluginDataSource::create(started.table<flame_data_source_interface>(),
                                          started.plugin->id(), started.component->id, options));
    FLAME_ASSIGN(const std::vector<DataNote> notes, source.notes());
    for (const DataNote &note : notes)
      if (note.warning) log::warning(printable(note.text));
    FLAME_ASSIGN(set_, training_set(source, {}, SectionValues(&data).get<double>("validation"),
                                    models_->paint.spec.latent_size));
    return {};
  }

  // What is given, else what is free; never more than backend.memory allows. 0: nobody knows.
  Status find_limit() {
    const std::string given = arguments_.get("--device-memory");
    if (given.empty()) {
      FLAME_ASSIGN(limit_, device_->free_memory());
      if (limit_ == 0) limit_ = device_->info().memory_free;
    } else {
      double bytes = 0;
      std::string reason;
      if (!read_quantity(given, size_units(), &bytes, &reason) || bytes < 1 || bytes > 1e18) {
        return config_error(fmt::format("--device-memory: '{}' is no size{}{}", printable(given),
                                        reason.empty() ? "" : ": ", reason),
                            "write a number and its unit, such as 24GiB");
      }
      limit_ = static_cast<uint64_t>(bytes);
    }
    const SectionValues backend(pipeline_->root.find_section("backend"));
    if (!backend.has("memory")) return {};
    const auto allowed = static_cast<uint64_t>(backend.get<int64_t>("memory"));
    limit_ = limit_ == 0 ? allowed : std::min(limit_, allowed);
    return {};
  }

  // What cannot be planned within backend.memory is planned without it, to say what it takes.
  Status plan() {
    PlanRequestOfRun request{&*pipeline_, &models_->paint, parts_.get(), trains() ? &set_ : nullptr,
                             false};
    Result<std::unique_ptr<PlannedRun>> planned = plan_run(request, *device_);
    if (!planned.ok() && planned.error().kind == ErrorKind::kOutOfMemory) {
      refusal_ = planned.error();
      request.unlimited = true;
      planned = plan_run(request, *device_);
    }
    if (!planned.ok()) return planned.error();
    plan_ = std::move(*planned);
    return {};
  }

  Status estimate() {
    const DType compute = compute_type(pipeline_->root.find_section("backend"));
    std::vector<std::pair<const PlacedProgram *, double>> programs;
    for (const PlannedPhase &phase : plan_->phases)
      for (const PlannedPhase::Work &work : phase.work)
        for (const auto &[program, times] : work.programs)
          programs.emplace_back(program, times * work.times);
    FLAME_ASSIGN(const TimeEstimate estimate, TimeEstimate::make(*device_, compute, programs));
    for (const PlannedPhase &phase : plan_->phases) {
      for (const PlannedPhase::Work &work : phase.work) {
        TimedWork timed{phase.name, work.what, 0, work.times};
        for (const auto &[program, times] : work.programs) {
          FLAME_ASSIGN(const double seconds, estimate.seconds_of(*program));
          timed.seconds_each += seconds * times;
        }
        times_.push_back(std::move(timed));
      }
    }
    return {};
  }

  bool fits() const { return !refusal_ && (limit_ == 0 || plan_->peak()->total() <= limit_); }

  void print_text() const {
    fmt::print("on {} ({})\n", printable(device_->info().name), device_->name());
    if (trains()) print_data();
    fmt::print("\n{:<12}", "memory");
    for (const PlannedPhase &phase : plan_->phases)
      fmt::print("  {:>{}}", phase.name, width(phase));
    fmt::print("\n");
    for (size_t i = 0; i < kMemoryClassCount; ++i) {
      const auto has = [&](const PlannedPhase &phase) { return phase.bytes[i] > 0; };
      if (std::ranges::none_of(plan_->phases, has)) continue;
      fmt::print("{:<12}", name_of(static_cast<MemoryClass>(i)));
      for (const PlannedPhase &phase : plan_->phases)
        fmt::print("  {:>{}}", rounded_size_text(phase.bytes[i]), width(phase));
      fmt::print("\n");
    }
    fmt::print("{:<12}", "in all");
    for (const PlannedPhase &phase : plan_->phases)
      fmt::print("  {:>{}}", rounded_size_text(phase.total()), width(phase));
    const PlannedPhase &peak = *plan_->peak();
    fmt::print("\n\npeak: {}, while {} {} made\n", rounded_size_text(peak.total()), peak.name,
               peak.name == "training" ? "steps are" : "are");
    if (fits() && limit_ > 0)
      fmt::print("fits: {} are there, {} stay free\n", rounded_size_text(limit_),
                 rounded_size_text(limit_ - peak.total()));
    if (plan_->device_bytes > 0)
      fmt::print(
          "besides, {} were taken when the device was opened: by its driver, and by others\n",
          rounded_size_text(plan_->device_bytes));
    print_times();
  }

  static size_t width(const PlannedPhase &phase) { return std::max<size_t>(phase.name.size(), 10); }

  void print_data() const {
    fmt::print("{} examples in {} sizes, {} held out; {} parameters learn\n",
               set_.learned.size() + set_.held_out.size(), set_.buckets.size(),
               set_.held_out.size(), parameters());
    fmt::print("captions: {}{}{}\n", caption_variants(), caption_dropout(), learning_encoders());
    for (const TrainPlan::Pass &pass : plan_->training->passes) {
      if (pass.extra_work > 0)
        fmt::print("{}: {:.0f} % is computed twice to save memory\n", pass.bucket.prefix(),
                   100 * pass.extra_work);
    }
  }

  std::string caption_variants() const {
    if (endless()) return "drawn anew each time, and encoded beside the training";
    uint64_t most = 1;
    for (const TrainingSet::Example &each : set_.learned)
      most = std::max<uint64_t>(most, each.info.caption_variants);
    if (most == 1) return "each is encoded once, before the training";
    return fmt::format("{} variants of each are encoded once, before the training", most);
  }

  std::string caption_dropout() const {
    const SectionValues data(pipeline_->root.find_section("data"));
    const auto part = data.get<double>("caption_dropout");
    if (part == 0) return "";
    return fmt::format("; {:.3g} % of the examples are learned without one", 100 * part);
  }

  // Their states cannot be kept.
  std::string learning_encoders() const {
    std::string roles;
    for (const LearningEncoder &each : parts_->encoders)
      roles += (roles.empty() ? "" : ", ") + each.role;
    return roles.empty() ? "" : fmt::format("; in every step by what learns: {}", roles);
  }

  bool endless() const {
    return std::ranges::any_of(set_.learned,
                               [](const auto &each) { return each.info.caption_variants == 0; });
  }

  int64_t parameters() const {
    int64_t count = 0;
    for (const FlatGroup &group : plan_->training->layout)
      for (const FlatSlice &slice : group.slices) count += slice.type.shape.element_count();
    return count;
  }

  void print_times() const {
    double sum = 0;
    fmt::print("\ntime, roughly\n");
    for (const TimedWork &each : times_) {
      sum += each.seconds();
      if (each.times == 1) {
        fmt::print("  {}: {}\n", each.phase, time_text(each.seconds()));
        continue;
      }
      fmt::print("  {}: {} for a {}, {} for all {:.0f}\n", each.phase, time_text(each.seconds_each),
                 each.what, time_text(each.seconds()), each.times);
    }
    fmt::print("  in all: {}, without reading weights and pictures\n", time_text(sum));
  }

  void print_json() const {
    Json phases(Json::Array{});
    for (const PlannedPhase &phase : plan_->phases) {
      Json bytes(Json::Object{});
      for (size_t i = 0; i < kMemoryClassCount; ++i)
        bytes.set(std::string(name_of(static_cast<MemoryClass>(i))),
                  static_cast<int64_t>(phase.bytes[i]));
      Json entry;
      entry.set("name", phase.name).set("bytes", std::move(bytes));
      phases.push(entry.set("total_bytes", static_cast<int64_t>(phase.total())));
    }
    Json times(Json::Array{});
    double sum = 0;
    for (const TimedWork &each : times_) {
      sum += each.seconds();
      Json entry;
      entry.set("phase", each.phase).set("work", each.what).set("seconds_each", each.seconds_each);
      times.push(entry.set("times", each.times).set("seconds", each.seconds()));
    }
    Json json;
    json.set("backend", std::string(device_->name())).set("device", device_->info().name);
    json.set("memory_bytes", limit_ == 0 ? Json() : Json(static_cast<int64_t>(limit_)));
    json.set("fits", fits()).set("peak_bytes", static_cast<int64_t>(plan_->peak()->total()));
    json.set("peak_phase", plan_->peak()->name).set("phases", std::move(phases));
    json.set("context_bytes", static_cast<int64_t>(plan_->device_bytes));
    if (trains()) json.set("data", data_json()).set("parameters", parameters());
    json.set("times", std::move(times)).set("seconds", sum);
    fmt::print("{}\n", json.dump(1));
  }

  Json data_json() const {
    Json buckets(Json::Array{});
    for (size_t i = 0; i < set_.buckets.size(); ++i) {
      const auto in_bucket = [&](const auto &each) { return each.bucket == i; };
      const TrainBucket &bucket = set_.buckets[i];
      Json entry;
      entry.set("width", bucket.width).set("height", bucket.height).set("masked", bucket.masked);
      entry.set("learned", static_cast<int64_t>(std::ranges::count_if(set_.learned, in_bucket)));
      entry.set("held_out", static_cast<int64_t>(std::ranges::count_if(set_.held_out, in_bucket)));
      entry.set("computed_twice", plan_->training->passes[i].extra_work);
      buckets.push(std::move(entry));
    }
    Json json;
    json.set("buckets", std::move(buckets)).set("captions_are_endless", endless());
    return json;
  }

  Status verdict() const {
    if (refusal_) return *refusal_;
    if (fits()) return {};
    const PlannedPhase &peak = *plan_->peak();
    return Error{ErrorKind::kOutOfMemory,
                 fmt::format("{} takes {}, {} more than the {} that are there", peak.name,
                             rounded_size_text(peak.total()),
                             rounded_size_text(peak.total() - limit_), rounded_size_text(limit_)),
                 "set backend.memory, so that less is kept and more computed twice; take a smaller "
                 "batch, smaller pictures, or bf16"};
  }

  const Arguments &arguments_;
  std::optional<Pipeline> pipeline_;
  PluginHost host_{{}};
  std::unique_ptr<Device> device_;
  std::unique_ptr<DrawingModels> models_;
  std::unique_ptr<TrainParts> parts_;
  TrainingSet set_;
  uint64_t limit_ = 0;
  std::unique_ptr<PlannedRun> plan_;
  std::optional<Error> refusal_;
  std::vector<TimedWork> times_;
};

int run(const Arguments &arguments) {
  const Status status = PlanCommand(arguments).run();
  return status.ok() ? 0 : fail(status.error());
}

}  // namespace

const Command kPlanCommand = {
    .group = "",
    .name = "plan",
    .summary = "Say what a pipeline takes of memory and time, before anything is loaded",
    .arguments = kArguments,
    .options = kOptions,
    .run = run,
};

}  // namespace flame::cli
