// SDXL as it is used: drawing, the models beside the denoiser, and training a LoRA; time and memory.
//
//   ninja -C build/release bench_sdxl
//   build/release/tests/bench/bench_sdxl PLUGIN-FOLDER tests/bench/sdxl.yaml PART [KEY=VALUE…]
//
// PART: sample, models or train; with "-ops" behind it, also every op by itself. Weights of random
// numbers are enough: `flamehost weights make sdxl,sdxl-vae,clip-l,clip-g FILE --layout ldm --dtype bf16`,
// named by model.weights=[FILE].
#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <map>

#include "core/cli/drawing_models.h"
#include "core/cli/train_parts.h"
#include "core/cli/train_settings.h"
#include "core/io/model_config.h"
#include "core/pipeline/device_request.h"
#include "core/sample/painter.h"
#include "core/sample/planned_program.h"
#include "core/tensor/numbers.h"
#include "core/train/trainer.h"
#include "tests/bench/op_times.h"

namespace {

using namespace flame;
using Clock = std::chrono::steady_clock;

constexpr size_t kShown = 45;    // groups of ops
constexpr int64_t kEnd = 49407;  // the token that ends a text

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

double gib(double bytes) {
  return bytes / (1 << 30);
}

// What a pass is given, of any content: small numbers, tokens, and a time in the middle.
HostTensor content_of(const std::string &name, const TensorType &type, int64_t side) {
  const auto count = static_cast<size_t>(type.shape.element_count());
  std::vector<double> numbers(count, 1);
  uint32_t state = 1;
  for (size_t i = 0; i < count; ++i) {
    state = state * 1664525 + 1013904223;
    const double even = static_cast<double>(state >> 8) / (1 << 24);
    if (name.ends_with("input_ids")) numbers[i] = i + 1 == count ? kEnd : std::floor(even * 40000);
    if (name == "latent" || name == "sample" || name.find('.') != std::string::npos)
      if (type.dtype == DType::kF32) numbers[i] = 3.4 * even - 1.7;
    if (name == "signal" || name == "noise") numbers[i] = 0.7;
    if (name == "time") numbers[i] = 500;
    if (name == "picture") numbers[i] = i % 6 == 2 || i % 6 == 3 ? 0 : static_cast<double>(side);
  }
  return tensor_of(type, numbers);
}

class Bench {
 public:
  explicit Bench(Clock::time_point start) : start_(start) {}

  Status run(const std::string &folder, const std::string &file, const std::string &part,
             std::vector<std::string> settings) {
    const Catalogue catalogue = Catalogue::scan({std::filesystem::absolute(folder)});
    FLAME_TRY(open(catalogue, file, std::move(settings)));
    const bool ops = part.ends_with("-ops");
    const std::string kind = part.substr(0, part.size() - (ops ? 4 : 0));
    if (kind == "sample") return sample(ops);
    if (kind == "models") return models(ops);
    if (kind == "train") return train(ops);
    return config_error("there is no part '" + part + "'", "sample, models or train");
  }

 private:
  Status open(const Catalogue &catalogue, const std::string &file,
              std::vector<std::string> settings) {
    FLAME_ASSIGN(CheckedPipeline checked,
                 check_pipeline_file(file, std::move(settings), catalogue));
    for (const Diagnostic &diagnostic : checked.diagnostics)
      fmt::print(stderr, "{}\n", to_text(diagnostic, checked.sources, false));
    if (!checked.pipeline) return config_error(file + " is not a right pipeline", "");
    pipeline_ = std::move(*checked.pipeline);
    FLAME_ASSIGN(device_, open_device(host_, *pipeline_.catalogue,
                                      device_request(*pipeline_.root.find_section("backend"))));
    FLAME_ASSIGN(stream_, device_->create_stream());
    FLAME_ASSIGN(free_at_start_, device_->free_memory());
    FLAME_ASSIGN(models_, cli::open_drawing_models(host_, pipeline_,
                                                   *pipeline_.root.find_section("model"), nullptr));
    side_ = models_->paint.spec.usual_size;
    compute_ = compute_type(pipeline_.root.find_section("backend"));
    fmt::print("{}, {}: opened {:.2f} s after the start\n", device_->info().name,
               device_->info().description, seconds_since(start_));
    return {};
  }

  SectionValues section(std::string_view key) const {
    return SectionValues(pipeline_.root.find_section(key));
  }

  Status print_memory(std::string_view what, uint64_t planned) const {
    FLAME_ASSIGN(const uint64_t free, device_->free_memory());
    fmt::print("{}: {:.3f} GiB planned, {:.3f} GiB taken of the device\n", what,
               gib(static_cast<double>(planned)),
               gib(static_cast<double>(free_at_start_) - static_cast<double>(free)));
    return {};
  }

  Status sample(bool ops) {
    PaintSettings settings;
    settings.width = settings.height = side_;
    settings.steps = static_cast<uint32_t>(section("sample").get<int64_t>("steps", 20));
    settings.guidance = section("sample").get<double>("guidance", 5);
    settings.compute = compute_;
    FLAME_ASSIGN(const PluginSampler sampler, open_sampler());
    const Clock::time_point making = Clock::now();
    FLAME_ASSIGN(const Painter painter,
                 Painter::make(models_->paint, sampler, settings, *device_, {}));
    fmt::print("sample: all models planned, compiled and loaded in {:.2f} s\n",
               seconds_since(making));
    const PaintPrograms &programs = painter.programs();
    double first = 0;
    const Clock::time_point painting = Clock::now();
    FLAME_ASSIGN(const Picture picture,
                 painter.paint({"a lighthouse", "", 1}, [&](uint32_t step) -> Status {
                   if (step == 1) first = seconds_since(start_);
                   return {};
                 }));
    fmt::print("sample: first step done {:.2f} s after the start; the picture, {}x{}, {:.2f} s\n",
               first, picture.width, picture.height, seconds_since(painting));
    const Clock::time_point again = Clock::now();
    FLAME_ASSIGN(const Picture second, painter.paint({"a lighthouse", "", 2}));
    fmt::print("sample: another picture, text and decoding included, {:.3f} s\n",
               seconds_since(again));
    FLAME_TRY(print_memory("sample", programs.allocated_bytes()));
    // Whatever step it is, the work is the same.
    const auto step = [&] { return programs.step->run(programs.stream); };
    FLAME_ASSIGN(const double all,
                 bench::milliseconds(programs.stream, step, static_cast<int>(settings.steps), 5));
    fmt::print("sample: {} steps {:.2f} ms, a step {:.3f} ms ({} ops, {})\n", settings.steps,
               all * settings.steps, all, programs.step->steps().size(),
               programs.step->is_recorded() ? "recorded" : "not recorded");
    if (!ops) return {};
    FLAME_ASSIGN(const double alone,
                 bench::print_op_times(*programs.step, *device_, programs.stream, kShown));
    fmt::print("sample: ops alone {:.3f} ms, whole {:.2f} of it\n", alone, all / alone);
    return {};
  }

  Result<PluginSampler> open_sampler() {
    const ResolvedSection &chosen = *pipeline_.root.find_section("sample")->find_section("sampler");
    FLAME_ASSIGN(const AttributeList options,
                 model_options(*chosen.component.component, chosen.component_options));
    FLAME_ASSIGN(const StartedComponent started, host_.start(chosen.component));
    return PluginSampler::create(started.table<flame_sampler_interface>(), started.plugin->id(),
                                 started.component->id, options);
  }

  // The models beside the denoiser, one program each.
  Status models(bool ops) {
    FLAME_ASSIGN(const TextForm form, text_form(models_->paint));
    const int64_t unit = models_->paint.spec.latent_size;
    for (size_t i = 0; i < models_->paint.parts.size(); ++i) {
      const DiffusionPart &part = models_->paint.spec.parts[i];
      const PaintModel &model = models_->paint.parts[i];
      if (part.kind == DiffusionPart::Kind::kTextEncoder) {
        FLAME_ASSIGN(const Program program, encoder_program(model, form, 1));
        FLAME_TRY(measure(part.role, program, model, ops));
        continue;
      }
      FLAME_ASSIGN(
          const Program encode,
          model.model->build("encode", {{"batch", 1}, {"height", side_}, {"width", side_}}));
      FLAME_TRY(measure(part.role + " encode", encode, model, ops));
      FLAME_ASSIGN(const Program decode, model.model->build("decode", {{"batch", 1},
                                                                       {"height", side_ / unit},
                                                                       {"width", side_ / unit}}));
      FLAME_TRY(measure(part.role + " decode", decode, model, ops));
    }
    return {};
  }

  Status measure(const std::string &name, const Program &program, const PaintModel &model,
                 bool ops) {
    const Clock::time_point making = Clock::now();
    const std::string prefix = "model/";
    FLAME_ASSIGN(PlacedProgram placed, plan_program(program, {prefix, {compute_}, {}}, *device_));
    TensorStore store(*device_);
    FLAME_ASSIGN(const auto recorded, Executable::make(placed, store));
    FLAME_ASSIGN(const auto plain, Executable::make(placed, store, Executable::Runs::kOnce));
    std::vector<WeightJob> jobs;
    FLAME_TRY(add_jobs(model, places_of(*recorded, prefix), prefix, jobs));
    FLAME_TRY(load_weights(jobs, *device_, stream_));
    for (const PlacedName &input : placed.inputs) {
      const HostTensor content =
          content_of(input.name.substr(prefix.size()), input.tensor.typed.type(), side_);
      FLAME_TRY(recorded->write(stream_, input.name, content.bytes));
      FLAME_TRY(stream_.synchronize());
    }
    const double made = seconds_since(making);
    const auto run = [&](const Executable &each) {
      return bench::milliseconds(
          stream_, [&] { return each.run(stream_); }, 1, 11);
    };
    FLAME_ASSIGN(const double once, run(*plain));
    FLAME_ASSIGN(const double often, run(*recorded));
    fmt::print(
        "{}: {:.3f} ms recorded, {:.3f} ms op by op, {} ops, arena {:.3f} GiB, ready in {:.2f} s\n",
        name, often, once, plain->steps().size(), gib(static_cast<double>(placed.arena_bytes)),
        made);
    if (!ops) return {};
    FLAME_ASSIGN(const double alone, bench::print_op_times(*plain, *device_, stream_, 20));
    fmt::print("{}: ops alone {:.3f} ms\n", name, alone);
    return {};
  }

  Result<PassInput> pass_input(const TrainPlan &plan, const TrainSettings &settings) const {
    PassInput input;
    const std::string prefix = plan.passes.front().bucket.prefix();
    for (const PlacedName &each : plan.passes.front().placed.inputs) {
      if (!each.name.starts_with(prefix)) continue;
      const std::string name = each.name.substr(prefix.size());
      input.tensors[name] = content_of(name, each.tensor.typed.type(), side_);
    }
    input.sources.assign(static_cast<size_t>(settings.batch), "made up");
    return input;
  }

  static void print_workspaces(const PlacedProgram &placed) {
    std::map<uint64_t, std::string, std::greater<>> largest;
    for (const Step &step : placed.steps) {
      if (!step.workspace) continue;
      std::string &text = largest[placed.storages[*step.workspace].size_bytes];
      text = step.op->name;
      for (const PlacedTensor &input : step.inputs) text += " " + input.typed.type().text();
    }
    size_t shown = 0;
    for (const auto &[bytes, text] : largest) {
      if (++shown > 5) return;
      fmt::print("train: {:.1f} MiB of workspace for {}\n", static_cast<double>(bytes) / (1 << 20),
                 text);
    }
  }

  Status train(bool ops) {
    FLAME_ASSIGN(const auto parts, cli::open_train_parts(host_, pipeline_, models_->paint));
    const TrainSettings settings = cli::train_settings(pipeline_, models_->paint.spec);
    const Clock::time_point planning = Clock::now();
    FLAME_ASSIGN(TrainPlan plan, plan_training(models_->paint, parts->parts,
                                               {{side_, side_, false}}, settings, *device_));
    fmt::print("train: planned in {:.2f} s; arena {:.3f} GiB of {:.3f}; computed twice: {:.2f}\n",
               seconds_since(planning),
               gib(static_cast<double>(plan.passes.front().placed.arena_bytes)),
               gib(static_cast<double>(plan.whole_bytes())), plan.passes.front().extra_work);
    print_workspaces(plan.passes.front().placed);
    const uint64_t planned = plan.whole_bytes();
    FLAME_TRY(print_memory("train: planned, nothing allocated yet", planned));
    FLAME_ASSIGN(const PassInput input, pass_input(plan, settings));
    const Clock::time_point making = Clock::now();
    FLAME_ASSIGN(
        const auto trainer,
        Trainer::make(std::move(plan), models_->paint,
                      cli::trainer_settings(pipeline_, parts->learning_rates), *device_, {}));
    fmt::print("train: compiled and loaded in {:.2f} s\n", seconds_since(making));
    FLAME_TRY(print_memory("train: before the first step", planned));
    const auto steps = section("train").get<int64_t>("steps");
    const auto step = [&]() -> Status {
      FLAME_TRY(trainer->pass(input, 1));
      FLAME_ASSIGN(const std::vector<StepReport> unused, trainer->reports(false));
      return {};
    };
    FLAME_TRY(step());
    FLAME_ASSIGN(const std::vector<StepReport> first, trainer->reports(true));
    fmt::print("train: first step done {:.2f} s after the start, loss {:.4f}, gradient {:.3g}\n",
               seconds_since(start_), first.back().loss, first.back().gradient_norm);
    FLAME_TRY(step());
    FLAME_TRY(print_memory("train: after 2 steps", planned));
    FLAME_ASSIGN(const std::vector<StepReport> warm, trainer->reports(true));
    const Clock::time_point begun = Clock::now();
    for (int64_t i = 0; i < steps; ++i) FLAME_TRY(step());
    FLAME_ASSIGN(const std::vector<StepReport> last, trainer->reports(true));
    const double whole = 1e3 * seconds_since(begun) / static_cast<double>(steps);
    FLAME_TRY(print_memory(fmt::format("train: after {} more", steps), planned));
    return train_alone(*trainer, whole, last.back(), ops);
  }

  // The same graph without the trainer around it, in the trainer's memory.
  Status train_alone(Trainer &trainer, double whole, const StepReport &last, bool ops) {
    const TrainPlan &plan = trainer.plan();
    FLAME_ASSIGN(const auto pass, Executable::make(plan.passes.front().placed, trainer.store()));
    FLAME_ASSIGN(const auto update, Executable::make(plan.update, trainer.store()));
    FLAME_ASSIGN(const auto both, Sequence::make({pass.get(), update.get()}));
    const auto run = [&] { return both->run(stream_); };
    FLAME_TRY(run());
    FLAME_TRY(stream_.synchronize());
    FLAME_ASSIGN(const double alone, bench::milliseconds(stream_, run, 10, 5));
    FLAME_ASSIGN(const double updating, bench::milliseconds(
                                            stream_, [&] { return update->run(stream_); }, 10, 5));
    fmt::print(
        "train: a step {:.3f} ms ({} and {} ops, {}), the update {:.3f} of it; in the trainer "
        "{:.3f} ms: {:.2f} % outside; loss {:.4f}\n",
        alone, pass->steps().size(), update->steps().size(),
        both->is_recorded() ? "recorded" : "not recorded", updating, whole,
        100 * (whole - alone) / whole, last.loss);
    if (!ops) return {};
    FLAME_ASSIGN(const double of_pass, bench::print_op_times(*pass, *device_, stream_, kShown));
    FLAME_ASSIGN(const double of_update, bench::print_op_times(*update, *device_, stream_, 10));
    fmt::print("train: ops alone {:.3f} and {:.3f} ms, whole {:.2f} of it\n", of_pass, of_update,
               alone / (of_pass + of_update));
    return {};
  }

  Clock::time_point start_;
  PluginHost host_{{}};
  Pipeline pipeline_;
  std::unique_ptr<Device> device_;
  DeviceStream stream_;
  std::unique_ptr<cli::DrawingModels> models_;
  uint64_t free_at_start_ = 0;
  int64_t side_ = 0;  // of pictures, in pixels
  DType compute_ = DType::kBF16;
};

}  // namespace

int main(int argc, char **argv) {
  const auto start = Clock::now();
  const std::vector<std::string> words(argv + 1, argv + argc);
  if (words.size() < 3) {
    fmt::print("usage: bench_sdxl PLUGIN-FOLDER PIPELINE sample|models|train[-ops] [KEY=VALUE…]\n");
    return 2;
  }
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  const Status status =
      Bench(start).run(words[0], words[1], words[2], {words.begin() + 3, words.end()});
  if (!status.ok()) fmt::print(stderr, "{}\n", status.error().text());
  return status.ok() ? 0 : 1;
}
