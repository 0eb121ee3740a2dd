#include "core/cli/explained.h"

#include <fmt/core.h>

#include <charconv>

#include "core/base/file.h"
#include "core/base/suggest.h"
#include "core/base/terminal.h"
#include "core/base/text.h"
#include "core/cli/installed.h"
#include "core/cli/read_pipeline.h"
#include "core/io/model_config.h"
#include "core/passes/layer_presets.h"
#include "core/pipeline/device_request.h"
#include "core/pipeline/pipeline.h"
#include "core/plugin/plugin_adapter.h"
#include "core/plugin/plugin_model.h"
#include "core/program/read.h"

namespace flame::cli {
namespace {

constexpr size_t kMaxProgramBytes = size_t{512} << 20;

std::vector<std::string> list_of(std::span<const std::string> values) {
  return {values.begin(), values.end()};
}

// "batch=2" for the sizes of a model's program.
Result<std::vector<std::pair<std::string, int64_t>>> read_sizes(const Arguments &arguments) {
  std::vector<std::pair<std::string, int64_t>> sizes;
  for (const std::string &text : arguments.all("--size")) {
    const size_t equals = std::min(text.find('='), text.size());
    int64_t size = 0;
    const char *begin = text.data() + std::min(equals + 1, text.size());
    const char *end = text.data() + text.size();
    const auto read = std::from_chars(begin, end, size);
    if (equals == 0 || read.ec != std::errc{} || read.ptr != end) {
      return config_error(fmt::format("--size '{}' is not NAME=NUMBER", printable(text)),
                          "write the size like batch=2");
    }
    sizes.emplace_back(text.substr(0, equals), size);
  }
  return sizes;
}

class Reader {
 public:
  explicit Reader(const Arguments &arguments)
      : arguments_(arguments), catalogue_(installed_catalogue(arguments)) {
    explained_.host = std::make_unique<PluginHost>(PluginHost::Settings{});
  }

  Result<Explained> read() {
    const std::string file = arguments_.get("FILE");
    if (file.ends_with(".json")) {
      FLAME_TRY(read_json(file));
    } else {
      FLAME_TRY(read_pipeline(file));
    }
    FLAME_TRY(set_adapter());
    FLAME_TRY(set_gradients());
    FLAME_TRY(set_precision());
    FLAME_TRY(set_memory());
    FLAME_TRY(open_backend());
    return std::move(explained_);
  }

 private:
  Status read_json(const std::string &file) {
    for (const char *option : {"--program", "--size", "--set"}) {
      if (arguments_.has(option))
        return config_error(fmt::format("{} is for a pipeline, but {} is a program", option, file));
    }
    FLAME_ASSIGN(const std::string text, read_file(file, kMaxProgramBytes));
    FLAME_ASSIGN(explained_.program, read_program(text, file));
    return {};
  }

  Status read_pipeline(const std::string &file) {
    FLAME_ASSIGN(pipeline_, cli::read_pipeline(arguments_, file, catalogue_));
    return build_model(file);
  }

  Status build_model(const std::string &file) {
    const ResolvedSection *section = pipeline_->root.find_section("model");
    if (!section)
      return config_error(fmt::format("{} has no section 'model', so it has no program", file));
    FLAME_ASSIGN(const StartedComponent started, explained_.host->start(section->component));
    FLAME_ASSIGN(const AttributeList options,
                 model_options(*section->component.component, section->component_options));
    FLAME_ASSIGN(const PluginModel model, PluginModel::create(started, options));
    FLAME_ASSIGN(const auto sizes, read_sizes(arguments_));
    const std::string name = arguments_.get("--program", model.programs().front());
    Result<Program> program = model.build(name, sizes);
    if (!program.ok()) {
      Error error = program.error();
      const std::string more = fmt::format(
          "sizes of the program '{}' are given by --size, such as --size batch=1", printable(name));
      error.hint = error.hint.empty() ? more : error.hint + "; " + more;
      return error;
    }
    explained_.program = std::move(*program);
    return {};
  }

  const ResolvedSection *section(std::string_view key) const {
    return pipeline_ ? pipeline_->root.find_section(key) : nullptr;
  }

  Status set_adapter() {
    const ResolvedSection *given = section("adapter");
    std::vector<std::string> layers = list_of(arguments_.all("--adapt"));
    if (given && layers.empty()) layers = texts_of(given->options, "layers");
    if (!given && layers.empty() && !arguments_.has("--adapter")) return {};
    Catalogue::Match match{nullptr, nullptr};
    std::vector<OptionValue> options;
    if (given && !arguments_.has("--adapter")) {
      match = given->component;
      options = given->component_options;
    } else {
      FLAME_ASSIGN(match, catalogue_.find("adapter", arguments_.get("--adapter", "lora")));
    }
    const Learns learns = match.plugin ? Learns::kAdapters : Learns::kOwnWeights;
    layers = named_layers(layers, explained_.program, learns);
    if (!match.plugin) {
      FLAME_ASSIGN(explained_.settings.adapt, own_weights_request(layers));
      return {};
    }
    FLAME_ASSIGN(const StartedComponent started, explained_.host->start(match));
    FLAME_ASSIGN(explained_.settings.adapt, adapt_request(started, options, layers));
    return {};
  }

  // A pipeline whose model has the output "loss" is trained; a program says what it wants.
  Status set_gradients() {
    GradientRequest request;
    request.of = list_of(arguments_.all("--of"));
    request.with_respect_to = list_of(arguments_.all("--with-respect-to"));
    if (request.of.empty() && !request.with_respect_to.empty())
      return config_error("--with-respect-to needs --of", "name the output that is differentiated");
    if (!request.of.empty()) explained_.settings.differentiate = std::move(request);
    return {};
  }

  Status set_precision() {
    const ResolvedSection *backend = section("backend");
    const std::string *own =
        backend ? value_of<std::string>(backend->options, "precision") : nullptr;
    const std::string name = arguments_.get("--precision", own ? *own : "f32");
    // Faster products of f32 change nothing in the program.
    const auto dtype = dtype_from_name(name == "tf32" ? "f32" : name);
    if (!dtype)
      return config_error(fmt::format("the precision '{}' is not known", printable(name)));
    explained_.settings.precision.compute = *dtype;
    return {};
  }

  Status set_memory() {
    const ResolvedSection *backend = section("backend");
    const int64_t *own = backend ? value_of<int64_t>(backend->options, "memory") : nullptr;
    if (own) explained_.settings.memory_bytes = static_cast<uint64_t>(*own);
    if (!arguments_.has("--memory")) return {};
    OptionSpec spec;
    spec.name = "memory";
    spec.type = OptionType::kSize;
    spec.minimum = 1;
    const Result<Scalar> read = parse_scalar(spec, arguments_.get("--memory"), false);
    if (!read.ok()) {
      Error error = read.error();
      error.what = "--memory: " + error.what;
      return error;
    }
    explained_.settings.memory_bytes = static_cast<uint64_t>(std::get<int64_t>(*read));
    return {};
  }

  Status open_backend() {
    const ResolvedSection *given = section("backend");
    OpenDeviceRequest request;
    if (given && !arguments_.has("--backend")) {
      request = device_request(*given);
    } else {
      FLAME_ASSIGN(request, read_device_request(arguments_.get("--backend", "auto")));
    }
    FLAME_ASSIGN(explained_.device, open_device(*explained_.host, catalogue_, request));
    return {};
  }

  const Arguments &arguments_;
  Catalogue catalogue_;
  std::optional<Pipeline> pipeline_;
  Explained explained_;
};

}  // namespace

Result<Explained> read_explained(const Arguments &arguments) {
  return Reader(arguments).read();
}

}  // namespace flame::cli
