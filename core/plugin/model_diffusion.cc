// The optional interface of denoisers: what the host takes from it.
#include <fmt/core.h>

#include <algorithm>
#include <cmath>

#include "core/base/call_scope.h"
#include "core/base/flame_text.h"
#include "core/base/terminal.h"
#include "core/plugin/plugin_model.h"

namespace flame {
namespace {

// Far more than a model has.
constexpr uint32_t kMaxParts = 64;
constexpr uint32_t kMaxLevels = 1 << 20;
constexpr uint32_t kMaxSize = 1 << 16;

}  // namespace

Result<std::vector<DiffusionPart>> PluginModel::diffusion_parts() const {
  std::vector<DiffusionPart> parts;
  for (uint32_t index = 0;; ++index) {
    flame_part given = {};
    given.struct_size = sizeof given;
    CallScope scope(plugin_id_, "flame.diffusion/1 describe_part");
    const flame_status status =
        extras_.diffusion->describe_part(handle_.get(), scope.call(), index, &given);
    if (status == FLAME_ERROR_END) return parts;
    FLAME_TRY(scope.finish(status));
    if (index == kMaxParts) return broken(fmt::format("has more than {} parts", kMaxParts));
    if (given.kind > FLAME_PART_AUTOENCODER)
      return broken(fmt::format("has a part {} of the unknown kind {}", index, given.kind));
    const auto kind = given.kind == FLAME_PART_AUTOENCODER ? DiffusionPart::Kind::kAutoencoder
                                                           : DiffusionPart::Kind::kTextEncoder;
    parts.push_back(
        {kind, std::string(text_of(given.role)), std::string(text_of(given.component))});
  }
}

// What cannot be, or nothing.
std::string PluginModel::fault_of(const DiffusionSpec &spec) const {
  if (spec.prediction > FLAME_PREDICTS_VELOCITY)
    return fmt::format("predicts the unknown kind {}", spec.prediction);
  for (size_t i = 0; i < spec.noise_levels.size(); ++i) {
    const double level = spec.noise_levels[i];
    if (!std::isfinite(level) || level <= 0 || (i > 0 && level <= spec.noise_levels[i - 1]))
      return fmt::format(
          "has the noise level {} at time {}, expected levels that rise from above 0", level, i);
  }
  if (!std::isfinite(spec.usual_guidance) || spec.usual_guidance < 0)
    return fmt::format("has the usual guidance {}", spec.usual_guidance);
  for (const std::string &program : {spec.denoiser, spec.conditions}) {
    if (std::ranges::find(programs_, program) == programs_.end())
      return fmt::format("names '{}' for drawing, which is none of its programs",
                         printable(program));
  }
  for (size_t i = 0; i < spec.parts.size(); ++i) {
    const DiffusionPart &part = spec.parts[i];
    const auto twin = std::ranges::count(spec.parts, part.role, &DiffusionPart::role) > 1;
    if (part.role.empty() || part.component.empty() || twin)
      return fmt::format("has a part {} without a role of its own or a component", i);
  }
  using Kind = DiffusionPart::Kind;
  if (std::ranges::count(spec.parts, Kind::kAutoencoder, &DiffusionPart::kind) != 1 ||
      std::ranges::count(spec.parts, Kind::kTextEncoder, &DiffusionPart::kind) == 0)
    return "does not have one autoencoder and at least one text encoder";
  return {};
}

Result<DiffusionSpec> PluginModel::diffusion() const {
  const Error none = config_error(fmt::format("the model '{}' draws no pictures", component_),
                                  "choose one that does, such as sdxl");
  if (!extras_.diffusion) return none;
  flame_diffusion given = {};
  given.struct_size = sizeof given;
  CallScope scope(plugin_id_, "flame.diffusion/1 describe");
  const flame_status status = extras_.diffusion->describe(handle_.get(), scope.call(), &given);
  // A plugin of several models answers for all of them.
  if (status == FLAME_ERROR_UNSUPPORTED) return none;
  FLAME_TRY(scope.finish(status));
  if (given.level_count < 2 || given.level_count > kMaxLevels || !given.noise_levels)
    return broken(
        fmt::format("has {} noise levels, expected 2 to {}", given.level_count, kMaxLevels));
  for (const uint32_t size : {given.latent_size, given.latent_channels, given.usual_size}) {
    if (size == 0 || size > kMaxSize)
      return broken(fmt::format("has latents of size {}, with {} channels, for pictures of {}",
                                given.latent_size, given.latent_channels, given.usual_size));
  }
  DiffusionSpec spec;
  spec.prediction = given.prediction;
  spec.noise_levels.assign(given.noise_levels, given.noise_levels + given.level_count);
  spec.latent_size = given.latent_size;
  spec.latent_channels = given.latent_channels;
  spec.usual_size = given.usual_size;
  spec.usual_guidance = given.usual_guidance;
  spec.denoiser = text_of(given.denoiser);
  spec.conditions = text_of(given.conditions);
  spec.usual_sampler = text_of(given.usual_sampler);
  FLAME_ASSIGN(spec.parts, diffusion_parts());
  const std::string fault = fault_of(spec);
  if (!fault.empty()) return broken(fault);
  return spec;
}

}  // namespace flame
