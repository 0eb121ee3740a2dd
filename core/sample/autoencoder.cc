#include "core/sample/autoencoder.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>

#include "core/base/rounded_size.h"
#include "core/sample/noise.h"
#include "core/sample/planned_program.h"
#include "core/tensor/numbers.h"

namespace flame {
namespace {

Status check_sizes(const AutoencoderSettings &settings) {
  const int64_t unit = settings.latent_size;
  for (const auto &[name, size] :
       {std::pair{"height", settings.height}, {"width", settings.width}}) {
    if (size >= unit && size % unit == 0) continue;
    return config_error(
        fmt::format("the {} of a picture is {}, but latents stand for multiples of {}", name, size,
                    unit),
        "cut or scale the picture");
  }
  return {};
}

// One of the model's programs, planned, made and with its weights.
Result<ImageProgram> make_program(const PaintModel &model, std::string_view name, int64_t height,
                                  int64_t width, const AutoencoderSettings &settings,
                                  TensorStore &store, const DeviceStream &stream) {
  FLAME_TRY(check_sizes(settings));
  FLAME_ASSIGN(const Program program,
               model.model->build(name, {{"batch", 1}, {"height", height}, {"width", width}}));
  const std::string prefix = settings.role + "/";
  FLAME_ASSIGN(const Program stored, stored_program(program, prefix, {settings.compute}));
  Device &device = store.device();
  const auto fits = [&](const ImageProgram &planned) {
    return !settings.most_bytes || planned.bytes_on(device) <= *settings.most_bytes;
  };
  FLAME_ASSIGN(ImageProgram made,
               settings.tile_rows ? ImageProgram::plan_bands(stored, device, *settings.tile_rows)
                                  : ImageProgram::plan_fitting(stored, device, fits));
  if (!fits(made)) {
    return Error{ErrorKind::kOutOfMemory,
                 fmt::format("'{}' of {} for {} by {} takes {} at least, but {} may be taken", name,
                             model.model->component(), settings.width, settings.height,
                             rounded_size_text(made.bytes_on(device)),
                             rounded_size_text(*settings.most_bytes)),
                 "allow more, or take smaller pictures"};
  }
  FLAME_TRY(made.make(store));
  if (settings.weights_are_there) return made;
  std::vector<WeightJob> jobs;
  FLAME_TRY(add_jobs(model, made.parameters(), prefix, jobs));
  FLAME_TRY(load_weights(jobs, device, stream));
  return made;
}

Result<HostTensor> run_program(const ImageProgram &program, const DeviceStream &stream,
                               const TensorMap &given) {
  for (const auto &[name, type] : program.inputs()) {
    const TensorType &found = given.at(name).type;
    if (found == type) continue;
    return Error{ErrorKind::kFailed,
                 fmt::format("'{}' is {}, expected {}", name, found.text(), type.text()), ""};
  }
  FLAME_ASSIGN(TensorMap made, program.run(stream, given));
  HostTensor answer = std::move(made.begin()->second);
  const auto finite = [](double x) { return std::isfinite(x); };
  if (std::ranges::all_of(numbers_of(answer), finite)) return answer;
  return Error{ErrorKind::kNumeric, "the autoencoder gives numbers that are not finite",
               "compute in f32 or bf16, or look for wrong weights with 'flamehost crosscheck'"};
}

}  // namespace

Result<VaeEncoder> VaeEncoder::make(const PaintModel &model, const AutoencoderSettings &settings,
                                    TensorStore &store, const DeviceStream &stream) {
  FLAME_ASSIGN(ImageProgram program, make_program(model, "encode", settings.height, settings.width,
                                                  settings, store, stream));
  return VaeEncoder(std::move(program), settings);
}

Result<HostTensor> VaeEncoder::encode(const DeviceStream &stream, const HostTensor &picture,
                                      uint64_t seed) const {
  const std::string name = settings_.role + "/noise";
  HostTensor noise{program_.inputs().at(name), {}};
  const std::vector<float> numbers =
      normal_noise(seed, static_cast<size_t>(noise.type.shape.element_count()), 1);
  const auto bytes = std::as_bytes(std::span(numbers));
  noise.bytes.assign(bytes.begin(), bytes.end());
  return run_program(program_, stream,
                     {{settings_.role + "/sample", picture}, {name, std::move(noise)}});
}

Result<VaeDecoder> VaeDecoder::make(const PaintModel &model, const AutoencoderSettings &settings,
                                    TensorStore &store, const DeviceStream &stream) {
  const int64_t unit = std::max<int64_t>(settings.latent_size, 1);
  FLAME_ASSIGN(ImageProgram program, make_program(model, "decode", settings.height / unit,
                                                  settings.width / unit, settings, store, stream));
  return VaeDecoder(std::move(program), settings);
}

Result<HostTensor> VaeDecoder::decode(const DeviceStream &stream, const HostTensor &latent) const {
  return run_program(program_, stream, {{settings_.role + "/latent", latent}});
}

}  // namespace flame
