#include "core/cli/sample_pictures.h"

#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>

#include "core/base/log.h"
#include "core/base/rounded_size.h"
#include "core/base/terminal.h"
#include "core/cli/drawing_models.h"
#include "core/cli/progress.h"
#include "core/io/model_config.h"
#include "core/pipeline/device_request.h"
#include "core/plugin/plugin_exporter.h"
#include "core/sample/painter.h"

namespace flame::cli {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

constexpr const char *kPictureExporter = "png";

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// The options of a section by name; those without a default may be unset.
class Section {
 public:
  explicit Section(const ResolvedSection &section) : options_(section.options) {}

  template <typename T>
  T get(std::string_view name, T otherwise = {}) const {
    const T *value = value_of<T>(options_, name);
    return value ? *value : otherwise;
  }
  bool has(std::string_view name) const {
    return std::ranges::find(options_, name, &OptionValue::name) != options_.end();
  }
  std::vector<std::string> texts(std::string_view name) const { return texts_of(options_, name); }

 private:
  const std::vector<OptionValue> &options_;
};

Status check_options(const Section &sample) {
  if (sample.has("every")) {
    return config_error("sample.every counts steps of a training, and nothing is trained",
                        "leave it out");
  }
  if (sample.get<double>("strength", 1.0) != 1.0) {
    return config_error("sample.strength belongs to an adapter, and there is none", "leave it out");
  }
  return {};
}

PaintSettings settings_of(const Section &sample, const ResolvedSection *backend,
                          const DiffusionSpec &spec) {
  PaintSettings settings;
  settings.width = sample.get<int64_t>("width", spec.usual_size);
  settings.height = sample.get<int64_t>("height", spec.usual_size);
  settings.steps = static_cast<uint32_t>(sample.get<int64_t>("steps", 20));
  settings.guidance = sample.get<double>("guidance", spec.usual_guidance);
  settings.rescale = sample.get<double>("rescale");
  settings.text_rows = static_cast<uint32_t>(sample.get<int64_t>("text_rows", 1));
  if (sample.has("tile")) settings.tile_rows = sample.get<int64_t>("tile");
  std::string precision = "bf16";
  if (backend) {
    const Section given(*backend);
    precision = given.get<std::string>("precision", precision);
    if (given.has("memory"))
      settings.memory_bytes = static_cast<uint64_t>(given.get<int64_t>("memory"));
  }
  settings.compute = precision == "bf16"  ? DType::kBF16
                     : precision == "f16" ? DType::kF16
                                          : DType::kF32;
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

Status write_picture(PluginHost &host, const Pipeline &pipeline, const Picture &picture,
                     const fs::path &file, const std::string &parameters) {
  FLAME_ASSIGN(const Catalogue::Match match,
               pipeline.catalogue->find(FLAME_KIND_EXPORTER, kPictureExporter));
  FLAME_ASSIGN(const AttributeList options,
               model_options(*match.component, {{"path", false, {fs::absolute(file).string()}}}));
  FLAME_ASSIGN(const StartedComponent started, host.start(match));
  FLAME_ASSIGN(const PluginExporter exporter,
               PluginExporter::create(started.table<flame_exporter_interface>(),
                                      started.plugin->id(), kPictureExporter, options));
  HostTensor tensor;
  const int64_t sizes[] = {picture.height, picture.width, picture.channels};
  FLAME_ASSIGN(const Shape shape, Shape::make(sizes));
  tensor.type = {DType::kF32, shape};
  const auto bytes = std::as_bytes(std::span(picture.pixels));
  tensor.bytes.assign(bytes.begin(), bytes.end());
  ExportFacts facts;
  if (!parameters.empty()) facts.emplace_back("parameters", parameters);
  return exporter.write({{"picture", std::move(tensor)}}, facts);
}

// All pictures, which have one size, side by side in rows; white where there is none.
Picture grid_of(const std::vector<Picture> &pictures) {
  const auto columns =
      static_cast<int64_t>(std::ceil(std::sqrt(static_cast<double>(pictures.size()))));
  const auto count = static_cast<int64_t>(pictures.size());
  const Picture &one = pictures.front();
  Picture grid{(count + columns - 1) / columns * one.height, columns * one.width, one.channels, {}};
  grid.pixels.assign(static_cast<size_t>(grid.height * grid.width * grid.channels), 1.0F);
  const int64_t row_size = one.width * one.channels;
  for (int64_t i = 0; i < count; ++i) {
    for (int64_t y = 0; y < one.height; ++y) {
      const auto from = pictures[static_cast<size_t>(i)].pixels.begin() + y * row_size;
      const int64_t to = ((i / columns * one.height + y) * columns + i % columns) * row_size;
      std::copy(from, from + row_size, grid.pixels.begin() + to);
    }
  }
  return grid;
}

// In the form that tools for pictures read: the prompt, then one line of settings.
std::string parameters_text(const PaintRequest &request, const PaintSettings &settings,
                            const std::string &sampler, const std::string &model,
                            const std::string &loras) {
  std::string text = request.prompt;
  if (!request.negative.empty()) text += "\nNegative prompt: " + request.negative;
  return text + fmt::format(
                    "\nSteps: {}, Sampler: {}, CFG scale: {}, Seed: {}, Size: {}x{}, "
                    "Model: {}, {}Version: flamehost {}",
                    settings.steps, sampler, settings.guidance, request.seed, settings.width,
                    settings.height, model, loras, FLAME_VERSION);
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

// A line on the terminal for the steps of one picture; nothing where no terminal is.
class StepLine {
 public:
  StepLine(size_t picture, size_t pictures, uint32_t steps)
      : visible_(isatty(STDERR_FILENO)), picture_(picture), pictures_(pictures), steps_(steps) {}
  ~StepLine() {
    if (visible_) fmt::print(stderr, "\r\x1b[K");
  }
  StepLine(const StepLine &) = delete;
  StepLine &operator=(const StepLine &) = delete;

  void show(uint32_t step) const {
    if (!visible_) return;
    const double pace = seconds_since(start_) / step;
    fmt::print(stderr, "\r\x1b[Kpicture {} of {}: step {} of {}, {:.2f} s a step, {:.0f} s left",
               picture_, pictures_, step, steps_, pace, pace * (steps_ - step));
    std::fflush(stderr);
  }

 private:
  bool visible_;
  size_t picture_, pictures_;
  uint32_t steps_;
  Clock::time_point start_ = Clock::now();
};

}  // namespace

Status sample_pictures(const Pipeline &pipeline) {
  const ResolvedSection &section = *pipeline.root.find_section("sample");
  const ResolvedSection &model = *pipeline.root.find_section("model");
  const ResolvedSection *backend = pipeline.root.find_section("backend");
  const Section sample(section);
  FLAME_TRY(check_options(sample));

  PluginHost host({});
  OpenDeviceRequest automatic;
  automatic.reference = "auto";
  FLAME_ASSIGN(const auto device, open_device(host, *pipeline.catalogue,
                                              backend ? device_request(*backend) : automatic));
  FLAME_ASSIGN(const auto models, open_drawing_models(host, pipeline, model, &section));
  const PaintSettings settings = settings_of(sample, backend, models->paint.spec);
  FLAME_ASSIGN(const NamedSampler sampler,
               open_sampler(host, pipeline, section.find_section("sampler"),
                            models->paint.spec.usual_sampler));
  const Clock::time_point start = Clock::now();
  std::optional<Painter> painter;
  {
    ProgressLine line("loading weights");
    FLAME_ASSIGN(painter,
                 Painter::make(models->paint, sampler.sampler, settings, *device,
                               [&](uint64_t done, uint64_t total) { line.show(done, total); }));
  }
  fmt::print("{} on {}: {} of memory, ready after {:.1f} s\n", model.use, device->info().name,
             rounded_size_text(painter->programs().allocated_bytes()), seconds_since(start));

  if (painter->programs().decoder->in_bands()) {
    log::info(fmt::format("the autoencoder works in bands: {} on the device, {} beside",
                          rounded_size_text(painter->programs().decoder->arena_bytes()),
                          rounded_size_text(painter->programs().decoder->host_bytes())));
  }

  const fs::path folder = fs::path("runs") / pipeline.run / "pictures";
  std::error_code made;
  fs::create_directories(folder, made);
  if (made) {
    return Error{ErrorKind::kStorage,
                 fmt::format("cannot make the folder {}: {}", folder.string(), made.message()),
                 "run where you may write"};
  }
  const auto seed = static_cast<uint64_t>(
      sample.get<int64_t>("seed", Section(pipeline.root).get<int64_t>("seed")));
  const std::vector<std::string> prompts = sample.texts("prompts");
  const std::string loras = loras_text(section);
  std::vector<Picture> pictures;
  for (size_t i = 0; i < prompts.size(); ++i) {
    const PaintRequest request{prompts[i], sample.get<std::string>("negative"), seed + i};
    FLAME_ASSIGN(const uint64_t cut, painter->tokens_cut(request.prompt));
    if (cut > 0) {
      log::warning(
          fmt::format("prompt {}: {} tokens at its end are cut; sample.text_rows makes "
                      "room for more",
                      i + 1, cut));
    }
    const Clock::time_point begun = Clock::now();
    Result<Picture> picture = [&] {
      const StepLine line(i + 1, prompts.size(), settings.steps);
      return painter->paint(request, [&](uint32_t step) {
        line.show(step);
        return Status();
      });
    }();
    if (!picture.ok()) return picture.error();
    const fs::path file = folder / fmt::format("{:03}.png", i + 1);
    FLAME_TRY(write_picture(host, pipeline, *picture, file,
                            parameters_text(request, settings, sampler.name, model.use, loras)));
    fmt::print("{}  seed {}, {:.1f} s  {}\n", file.string(), request.seed, seconds_since(begun),
               printable(request.prompt));
    pictures.push_back(std::move(*picture));
  }
  if (pictures.size() < 2) return {};
  const fs::path grid = folder / "grid.png";
  FLAME_TRY(write_picture(host, pipeline, grid_of(pictures), grid, ""));
  fmt::print("{}\n", grid.string());
  return {};
}

}  // namespace flame::cli
