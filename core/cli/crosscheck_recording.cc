#include "core/cli/crosscheck_recording.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>

#include "core/base/file.h"
#include "core/base/log.h"
#include "core/base/terminal.h"
#include "core/base/text.h"
#include "core/cli/backend_request.h"
#include "core/cli/installed.h"
#include "core/cli/opened_model.h"
#include "core/io/recording_check.h"

namespace flame::cli {
namespace {

constexpr std::string_view kRecordingTypes[] = {"f64", "f32", "bf16", "f16"};

std::string indices_text(const std::vector<int64_t> &indices) {
  std::string text;
  for (const int64_t index : indices) text += fmt::format("{}{}", text.empty() ? "" : ", ", index);
  return "[" + text + "]";
}

void print_check(const RecordingCheck &check) {
  size_t width = 0;
  for (const RecordedTensor &tensor : check.tensors)
    width = std::max(width, printable(tensor.name).size());
  fmt::print("{:<{}} {:<18} {:>9} {:>10} {:>9}  {}\n", "tensor", width, "shape", "error", "ratio",
             "largest", "at");
  size_t outside = 0;
  const RecordedTensor *worst = nullptr;
  for (const RecordedTensor &tensor : check.tensors) {
    outside += tensor.within ? 0 : 1;
    if (!worst || tensor.norm_relative / tensor.tolerance > worst->norm_relative / worst->tolerance)
      worst = &tensor;
    fmt::print("{:<{}} {:<18} {:>9.1e} {:>10.7f} {:>9.1e}  {}{}{}\n", printable(tensor.name), width,
               tensor.shape.text(), tensor.norm_relative, tensor.norm_ratio, tensor.max_absolute,
               indices_text(tensor.where), tensor.is_absolute ? "  (zero but for rounding)" : "",
               tensor.within ? "" : fmt::format("  OUTSIDE {:.0e}", tensor.tolerance));
  }
  if (worst) {
    fmt::print("\n{} of {} tensors within tolerance; nearest to it: {} ({:.1e} of {:.0e})\n",
               check.tensors.size() - outside, check.tensors.size(), printable(worst->name),
               worst->norm_relative, worst->tolerance);
  }
  fmt::print("{}\n", check.equal ? "the model agrees with the recording"
                                 : "the model differs from the recording");
}

Json to_json(const RecordingCheck &check, const Recording &recording, const Device &device,
             DType dtype) {
  Json::Array tensors;
  for (const RecordedTensor &tensor : check.tensors) {
    Json one;
    Json::Array where, shape;
    for (const int64_t index : tensor.where) where.emplace_back(index);
    for (const int64_t size : tensor.shape) shape.emplace_back(size);
    one.set("name", printable(tensor.name)).set("shape", std::move(shape));
    one.set("norm_relative", tensor.norm_relative).set("norm_ratio", tensor.norm_ratio);
    one.set("max_absolute", tensor.max_absolute).set("at", std::move(where));
    one.set("tolerance", tensor.tolerance).set("zero_but_for_rounding", tensor.is_absolute);
    one.set("within", tensor.within);
    tensors.push_back(std::move(one));
  }
  Json json;
  json.set("equal", check.equal).set("model", printable(recording.model));
  json.set("source", printable(recording.source)).set("weights", check.weights);
  json.set("backend", std::string(device.name())).set("dtype", std::string(name_of(dtype)));
  json.set("tensors", std::move(tensors));
  return json;
}

Result<RecordingSettings> read_settings(const Arguments &arguments) {
  RecordingSettings settings;
  const std::string name = arguments.get("--dtype", "f32");
  if (std::ranges::find(kRecordingTypes, name) == std::end(kRecordingTypes)) {
    return config_error(
        fmt::format("--dtype '{}' is no type that models are computed in", printable(name)),
        "it is one of " + join(kRecordingTypes, ", "));
  }
  settings.dtype = *dtype_from_name(name);
  FLAME_ASSIGN(settings.tolerance, read_tolerance(arguments));
  return settings;
}

}  // namespace

Result<std::optional<double>> read_tolerance(const Arguments &arguments) {
  if (!arguments.has("--tolerance")) return std::optional<double>();
  const std::string text = arguments.get("--tolerance");
  double tolerance = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), tolerance);
  if (read.ec != std::errc() || read.ptr != text.data() + text.size() || !(tolerance > 0) ||
      !(tolerance < 1e6)) {
    return config_error(fmt::format("--tolerance {}: expected a number above 0", printable(text)),
                        "write it like 1e-5");
  }
  return std::optional(tolerance);
}

bool names_recording(const Arguments &arguments) {
  return arguments.has("--weights") || arguments.get("PROGRAM").ends_with(".safetensors");
}

Status check_recording_file(const Arguments &arguments, bool &equal) {
  if (!arguments.has("PROGRAM"))
    return config_error("--weights belongs to a recording, which is missing",
                        "flamehost crosscheck RECORDING --weights PATH");
  if (!arguments.has("--weights"))
    return config_error("a recording is compared with a model of the same weights",
                        "name their file or folder with --weights PATH");
  FLAME_ASSIGN(RecordingSettings settings, read_settings(arguments));
  if (arguments.has("--adapter")) {
    FLAME_ASSIGN(settings.adapter, read_adapter(arguments.get("--adapter")));
  }
  FLAME_ASSIGN(const Recording recording, read_recording(arguments.get("PROGRAM")));
  const Catalogue catalogue = installed_catalogue(arguments);
  PluginHost host({});
  FLAME_ASSIGN(const PluginModel model,
               open_model(host, catalogue, recording.component, &recording.config, "flame.config"));
  FLAME_ASSIGN(const std::vector<WeightSet> weights,
               open_weight_paths(arguments.all("--weights"), arguments.get("--variant")));
  // The one backend that computes in f64 is the reference.
  const bool in_f64 = settings.dtype == DType::kF64;
  FLAME_ASSIGN(OpenDeviceRequest request,
               read_device_request(arguments.get("--backend", in_f64 ? "reference" : "onednn")));
  FLAME_TRY(set_threads(arguments, catalogue, {&request, 1}));
  FLAME_ASSIGN(const auto device, open_device(host, catalogue, request));
  FLAME_ASSIGN(const RecordingCheck check,
               check_recording(*device, model, recording, weights, settings));
  if (!check.unused.empty()) {
    log::warning(fmt::format("{}: the model reads nothing of {}", check.weights,
                             join(grouped_names(check.unused, 4), "; ")));
  }
  fmt::print("{} on {}, {}; {}\n\n", printable(recording.model), device->name(),
             name_of(settings.dtype), printable(recording.source));
  print_check(check);
  equal = check.equal;
  if (!arguments.has("--json")) return {};
  return write_file_atomically(arguments.get("--json"),
                               to_json(check, recording, *device, settings.dtype).dump(1) + "\n");
}

}  // namespace flame::cli
