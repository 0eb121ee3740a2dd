#include "core/cli/picture_session.h"

#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>

#include "core/base/log.h"
#include "core/base/rounded_size.h"
#include "core/base/terminal.h"
#include "core/cli/progress.h"
#include "core/io/model_config.h"
#include "core/pipeline/section_values.h"

namespace flame::cli {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

PaintSettings settings_of(const Pipeline &pipeline, const DiffusionSpec &spec) {
  const SectionValues sample(pipeline.root.find_section("sample"));
  const ResolvedSection *backend = pipeline.root.find_section("backend");
  PaintSettings settings;
  settings.width = sample.get<int64_t>("width", spec.usual_size);
  settings.height = sample.get<int64_t>("height", spec.usual_size);
  settings.steps = static_cast<uint32_t>(sample.get<int64_t>("steps", 20));
  settings.guidance = sample.get<double>("guidance", spec.usual_guidance);
  settings.rescale = sample.get<double>("rescale");
  settings.text_rows = static_cast<uint32_t>(sample.get<int64_t>("text_rows", 1));
  if (sample.has("tile")) settings.tile_rows = sample.get<int64_t>("tile");
  const SectionValues given(backend);
  if (given.has("memory"))
    settings.memory_bytes = static_cast<uint64_t>(given.get<int64_t>("memory"));
  settings.compute = compute_type(backend);
  return settings;
}

struct NamedSampler {
  PluginSampler sampler;
  std::string name;
};

// The pipeline's, or the model's usual one with its defaults.
Result<NamedSampler> open_sampler(PluginHost &host, const Pipeline &pipeline,
                                  const ResolvedSection *section, const std::string &usual) {
  Catalogue::Match match{nullptr, nullptr};
  if (section) {
    match = section->component;
  } else {
    FLAME_ASSIGN(match, pipeline.catalogue->find(FLAME_KIND_SAMPLER, usual));
  }
  const std::vector<OptionValue> none;
  FLAME_ASSIGN(const AttributeList options,
               model_options(*match.component, section ? section->component_options : none));
  FLAME_ASSIGN(const StartedComponent started, host.start(match));
  FLAME_ASSIGN(PluginSampler sampler,
               PluginSampler::create(started.table<flame_sampler_interface>(), started.plugin->id(),
                                     started.component->id, options));
  return NamedSampler{std::move(sampler), match.component->id};
}

// 'LoRA: "NAME: STRENGTH, …", ', or nothing where there are none.
std::string loras_text(const ResolvedSection &sample) {
  std::string text;
  for (const ResolvedSection &item : sample.sections) {
    if (item.spec->key != "loras") continue;
    std::string name = fs::path(*value_of<std::string>(item.options, "path")).stem().string();
    std::ranges::replace(name, '"', '\'');
    text += fmt::format("{}{}: {:g}", text.empty() ? "" : ", ", name,
                        *value_of<double>(item.options, "strength"));
  }
  return text.empty() ? text : fmt::format("LoRA: \"{}\", ", text);
}

// A line on the terminal for the steps of all pictures; nothing where no terminal is.
class StepLine {
 public:
  StepLine(size_t pictures, uint32_t steps)
      : visible_(isatty(STDERR_FILENO)), pictures_(pictures), steps_(steps) {}
  ~StepLine() { clear(); }

  // `picture` counts from 0, `step` from 1.
  void show(size_t picture, uint32_t step) const {
    if (!visible_) return;
    const double seconds = seconds_since(start_);
    const size_t done = picture * steps_ + step, all = pictures_ * steps_;
    const double left = seconds / static_cast<double>(done) * static_cast<double>(all - done);
    fmt::print(stderr, "\r\x1b[Kpicture {} of {}: step {} of {}, {:.2f} s a step, {} left of all",
               picture + 1, pictures_, step, steps_, seconds / static_cast<double>(done),
               duration_text(left));
    std::fflush(stderr);
  }
  // Before other lines are printed.
  void clear() const {
    if (visible_) fmt::print(stderr, "\r\x1b[K");
  }

 private:
  bool visible_;
  size_t pictures_;
  uint32_t steps_;
  Clock::time_point start_ = Clock::now();
};

}  // namespace

Result<std::unique_ptr<PictureSession>> PictureSession::make(PluginHost &host,
                                                             const Pipeline &pipeline,
                                                             const DrawingModels &models,
                                                             Device &device,
                                                             const LiveAdapter *live) {
  std::unique_ptr<PictureSession> made(new PictureSession(host, pipeline));
  made->settings_ = settings_of(pipeline, models.paint.spec);
  FLAME_ASSIGN(const NamedSampler sampler,
               open_sampler(host, pipeline, made->section_.find_section("sampler"),
                            models.paint.spec.usual_sampler));
  made->sampler_ = sampler.name;
  ProgressLine line("loading weights");
  FLAME_ASSIGN(made->painter_,
               Painter::make(
                   models.paint, sampler.sampler, made->settings_, device,
                   [&](uint64_t done, uint64_t total) { line.show(done, total); }, live));
  if (made->painter_->programs().decoder->in_bands()) {
    const ImageProgram &decoder = *made->painter_->programs().decoder;
    log::info(fmt::format("the autoencoder works in bands: {} on the device, {} beside",
                          rounded_size_text(decoder.arena_bytes()),
                          rounded_size_text(decoder.host_bytes())));
  }
  return made;
}

// In the form that tools for pictures read: the prompt, then one line of settings.
std::string PictureSession::parameters_of(const PaintRequest &request) const {
  std::string text = request.prompt;
  if (!request.negative.empty()) text += "\nNegative prompt: " + request.negative;
  return text + fmt::format(
                    "\nSteps: {}, Sampler: {}, CFG scale: {}, Seed: {}, Size: {}x{}, "
                    "Model: {}, {}Version: flamehost {}",
                    settings_.steps, sampler_, settings_.guidance, request.seed, settings_.width,
                    settings_.height, pipeline_.root.find_section("model")->use,
                    loras_text(section_), FLAME_VERSION);
}

Status PictureSession::draw(const fs::path &folder, bool tells,
                            const std::function<Status()> &go_on) const {
  std::error_code made;
  fs::create_directories(folder, made);
  if (made) {
    return Error{ErrorKind::kStorage,
                 fmt::format("cannot make the folder {}: {}", folder.string(), made.message()),
                 "run where you may write"};
  }
  const SectionValues sample(&section_);
  const auto seed = static_cast<uint64_t>(
      sample.get<int64_t>("seed", SectionValues(&pipeline_.root).get<int64_t>("seed")));
  const std::vector<std::string> prompts = sample.texts("prompts");
  std::vector<Picture> pictures;
  const StepLine line(prompts.size(), settings_.steps);
  for (size_t i = 0; i < prompts.size(); ++i) {
    const PaintRequest request{prompts[i], sample.get<std::string>("negative"), seed + i};
    FLAME_ASSIGN(const uint64_t cut, painter_->tokens_cut(request.prompt));
    if (cut > 0 && tells) {
      log::warning(
          fmt::format("prompt {}: {} tokens at its end are cut; sample.text_rows makes "
                      "room for more",
                      i + 1, cut));
    }
    const Clock::time_point begun = Clock::now();
    FLAME_ASSIGN(Picture picture, painter_->paint(request, [&](uint32_t step) {
      line.show(i, step);
      return go_on ? go_on() : Status();
    }));
    line.clear();
    const fs::path file = folder / fmt::format("{:03}.png", i + 1);
    FLAME_TRY(write_picture(host_, pipeline_, picture, file, parameters_of(request)));
    if (tells)
      fmt::print("{}  seed {}, {:.1f} s  {}\n", file.string(), request.seed, seconds_since(begun),
                 printable(request.prompt));
    pictures.push_back(std::move(picture));
  }
  if (pictures.size() < 2) return {};
  const fs::path grid = folder / "grid.png";
  FLAME_TRY(write_picture(host_, pipeline_, grid_of(pictures), grid, ""));
  if (tells) fmt::print("{}\n", grid.string());
  return {};
}

}  // namespace flame::cli
