#include "core/sample/painter.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>

#include "core/runtime/evaluate.h"
#include "core/sample/noise.h"
#include "core/sample/step_program.h"
#include "core/tensor/numbers.h"

namespace flame {
namespace {

constexpr std::string_view kConditions = "conditions/";  // before the names of their inputs

template <typename T>
std::span<const std::byte> bytes_of(const std::vector<T> &numbers) {
  return std::as_bytes(std::span(numbers));
}

std::vector<float> narrowed(const std::vector<double> &numbers) {
  return {numbers.begin(), numbers.end()};
}

const PlacedName *find(const std::vector<PlacedName> &names, std::string_view name) {
  const auto found = std::ranges::find(names, name, &PlacedName::name);
  return found == names.end() ? nullptr : &*found;
}

}  // namespace

Result<Painter> Painter::make(const PaintModels &models, const PluginSampler &sampler,
                              const PaintSettings &settings, Device &device,
                              const LoadProgress &progress, const LiveAdapter *live) {
  FLAME_ASSIGN(auto programs,
               PaintPrograms::make(models, sampler, settings, device, progress, live));
  return Painter(std::move(programs));
}

Result<uint64_t> Painter::tokens_cut(const std::string &prompt) const {
  uint64_t cut = 0;
  for (const TextEncoder &encoder : programs_->encoders) {
    FLAME_ASSIGN(const TokenRows rows,
                 encoder.model->tokenize(prompt, programs_->settings.text_rows));
    cut = std::max(cut, rows.text_count - rows.kept_count);
  }
  return cut;
}

Result<TensorMap> Painter::conditions_of(const std::string &text) const {
  const Executable &conditions = *programs_->conditions;
  const DeviceStream &stream = programs_->stream;
  FLAME_ASSIGN(const TensorMap states,
               text_states(programs_->encoders, stream, text, programs_->settings.text_rows));
  for (const PlacedName &input : conditions.placed().inputs) {
    const auto found = states.find(input.name.substr(kConditions.size()));
    if (found != states.end()) FLAME_TRY(conditions.write(stream, input.name, found->second.bytes));
  }
  const auto height = static_cast<float>(programs_->settings.height);
  const auto width = static_cast<float>(programs_->settings.width);
  // Drawn as it is: no larger original, nothing cropped.
  const std::vector<float> picture{height, width, 0, 0, height, width};
  FLAME_TRY(conditions.write(stream, "conditions/picture", bytes_of(picture)));
  FLAME_TRY(conditions.run(stream));
  return read_outputs(conditions, stream);
}

Status Painter::write_conditions(const PaintRequest &request) const {
  std::vector<TensorMap> given;
  if (programs_->settings.guided()) {
    FLAME_ASSIGN(TensorMap without, conditions_of(request.negative));
    given.push_back(std::move(without));
  }
  FLAME_ASSIGN(TensorMap with, conditions_of(request.prompt));
  given.push_back(std::move(with));
  for (const auto &[name, unused] : given.front()) {
    const std::string input = "denoiser/" + name;
    if (!find(programs_->step->placed().inputs, input)) continue;  // the denoiser does without it
    std::vector<std::byte> both;
    for (const TensorMap &each : given) {
      const std::vector<std::byte> &bytes = each.at(name).bytes;
      both.insert(both.end(), bytes.begin(), bytes.end());
    }
    FLAME_TRY(programs_->step->write(programs_->stream, input, both));
    FLAME_TRY(programs_->stream.synchronize());
  }
  return {};
}

// The tables, the first latent and all that steps hand on.
Status Painter::write_run(uint64_t seed) const {
  const Executable &step = *programs_->step;
  const NoisePoints &points = programs_->points;
  const double first = points.sigmas.front();
  for (const PlacedName &input : step.placed().inputs) {
    const std::string_view name =
        std::string_view(input.name).substr(std::string_view("denoiser/").size());
    if (!name.starts_with("sample.")) continue;
    const size_t count = static_cast<size_t>(input.tensor.typed.type().shape.element_count());
    std::vector<float> numbers(count, 0.0F);  // memories start as zeros
    std::vector<int64_t> whole;
    if (name == kLatentName) numbers = normal_noise(seed, count, std::sqrt(first * first + 1));
    if (name == kSigmasName) numbers = narrowed(points.sigmas);
    if (name == kTimesName) numbers = narrowed(points.times);
    if (name == kGuidanceName) numbers = {static_cast<float>(programs_->settings.guidance)};
    if (name == kIndexName) whole = {0};
    if (name == kSeedName) whole = {static_cast<int64_t>(seed)};
    FLAME_TRY(step.write(programs_->stream, input.name,
                         whole.empty() ? bytes_of(numbers) : bytes_of(whole)));
    FLAME_TRY(programs_->stream.synchronize());
  }
  return {};
}

Result<Picture> Painter::decode() const {
  const Executable &step = *programs_->step;
  const std::string from = std::string("denoiser/").append(kLatentName);
  const PlacedName *place = find(step.placed().inputs, from);
  HostTensor latent{place->tensor.typed.type(), {}};
  latent.bytes.resize(static_cast<size_t>(latent.type.size_bytes()));
  FLAME_TRY(step.read(programs_->stream, from, latent.bytes));
  FLAME_TRY(programs_->stream.synchronize());
  // What noise is left belongs to a sample of variance 1, as the autoencoder knows it.
  const double last = programs_->points.sigmas.back();
  std::vector<double> numbers = numbers_of(latent);
  for (double &x : numbers) x /= std::sqrt(last * last + 1);
  const std::string to = programs_->decoder_role + "/latent";
  FLAME_ASSIGN(const TensorMap made,
               programs_->decoder->run(programs_->stream, {{to, tensor_of(latent.type, numbers)}}));
  const HostTensor &sample = made.at("sample");
  Picture picture{sample.type.shape[1], sample.type.shape[2], sample.type.shape[3], {}};
  for (const double x : numbers_of(sample)) {
    if (!std::isfinite(x)) {
      return Error{ErrorKind::kNumeric, "the picture holds numbers that are not finite",
                   "compute in f32 or bf16, or look for wrong weights with 'flamehost crosscheck'"};
    }
    picture.pixels.push_back(static_cast<float>(std::clamp(x / 2 + 0.5, 0.0, 1.0)));
  }
  return picture;
}

Result<Picture> Painter::paint(const PaintRequest &request, const StepDone &on_step) const {
  FLAME_TRY(write_conditions(request));
  FLAME_TRY(write_run(request.seed));
  for (uint32_t step = 0; step < programs_->settings.steps; ++step) {
    FLAME_TRY(programs_->step->run(programs_->stream));
    if (!on_step) continue;
    FLAME_TRY(programs_->stream.synchronize());
    FLAME_TRY(on_step(step + 1));
  }
  return decode();
}

}  // namespace flame
