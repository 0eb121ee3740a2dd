#include "plugins/models/sdxl/drawing.h"

#include <algorithm>
#include <cmath>

#include "plugins/models/shared/layers.h"

namespace sdxl {
namespace {

// What stands for an infinite noise level: all noise, as far as 32 bits can tell.
constexpr double kHighestLevel = 4096;
constexpr int64_t kPictureNumbers = 6;

constexpr const char *kStates[] = {"text_encoder.penultimate", "text_encoder_2.penultimate"};
constexpr const char *kPooled = "text_encoder_2.text_embeds";

// The part of the clean latent's square that is left at each time.
std::vector<double> kept_parts(const Options &options) {
  const auto count = static_cast<double>(options.num_train_timesteps);
  const bool scaled = options.beta_schedule == Options::Betas::kScaledLinear;
  const double first = scaled ? std::sqrt(options.beta_start) : options.beta_start;
  const double last = scaled ? std::sqrt(options.beta_end) : options.beta_end;
  std::vector<double> parts;
  double kept = 1;
  for (int64_t time = 0; time < options.num_train_timesteps; ++time) {
    const double at = first + (last - first) * static_cast<double>(time) / (count - 1);
    kept *= 1 - (scaled ? at * at : at);
    parts.push_back(kept);
  }
  return parts;
}

// Shifts and stretches the roots so that nothing is left at the last time.
void end_in_noise(std::vector<double> &parts) {
  const double first = std::sqrt(parts.front()), last = std::sqrt(parts.back());
  for (double &part : parts) {
    const double root = (std::sqrt(part) - last) * first / (first - last);
    part = root * root;
  }
}

}  // namespace

void Options::describe(flame::OptionTable &table) {
  table.configuration([&] {
    UNetOptions::describe(table);
    table.integer("num_train_timesteps", num_train_timesteps, "Noise levels it was trained with.")
        .range(2, 1 << 20);
    table.number("beta_start", beta_start, "How much noise the first level adds.")
        .above(0)
        .maximum(0.999);
    table.number("beta_end", beta_end, "How much noise the last level adds.")
        .above(0)
        .maximum(0.999);
    table.choice("beta_schedule", beta_schedule,
                 {{"scaled_linear", Betas::kScaledLinear}, {"linear", Betas::kLinear}},
                 "How the noise grows between them.");
  });
  table.flag("rescale_betas_zero_snr", rescale_betas_zero_snr,
             "It was trained with levels that end in pure noise.");
  table.choice("prediction_type", prediction_type,
               {{"epsilon", Prediction::kEpsilon}, {"v_prediction", Prediction::kVelocity}},
               "What it predicts: the noise, or a mixture of noise and picture.");
}

flame::Diffusion diffusion(const Options &options) {
  flame::Diffusion made;
  made.prediction = options.prediction_type == Options::Prediction::kVelocity
                        ? FLAME_PREDICTS_VELOCITY
                        : FLAME_PREDICTS_EPSILON;
  made.latent_channels = static_cast<uint32_t>(options.in_channels);
  made.usual_size = static_cast<uint32_t>(options.sample_size) * made.latent_size;
  made.denoiser = "unet";
  made.conditions = "conditions";
  made.usual_sampler = "euler";
  made.parts = {{FLAME_PART_TEXT_ENCODER, "text_encoder", "clip-l"},
                {FLAME_PART_TEXT_ENCODER, "text_encoder_2", "clip-g"},
                {FLAME_PART_AUTOENCODER, "vae", "sdxl-vae"}};
  std::vector<double> parts = kept_parts(options);
  if (options.rescale_betas_zero_snr) end_in_noise(parts);
  for (const double part : parts) {
    const double level = std::sqrt((1 - part) / part);
    made.noise_levels.push_back(std::min(level, kHighestLevel));
  }
  return made;
}

void build_conditions(flame::Program &program, const UNetOptions &options,
                      flame::Attributes sizes) {
  models::Layers layers(program);
  const int64_t batch = models::size_of(sizes, "batch"), rows = models::size_of(sizes, "rows");
  const int64_t tokens = models::size_of(sizes, "tokens");
  std::vector<models::Tensor> states;
  int64_t width = 0;
  for (const char *name : kStates) {
    states.push_back(
        layers.input(name, FLAME_DTYPE_F32, {batch * rows, tokens, models::size_of(sizes, name)}));
    width += states.back().channels();
  }
  if (width != options.cross_attention_dim[0]) {
    throw flame::invalid_argument(
        "the text encoders' states are ", states[0].channels(), " and ", states[1].channels(),
        " wide, together ", width, ", but the UNet's cross_attention_dim is ",
        options.cross_attention_dim[0], ": these encoders belong to another model");
  }
  const models::Tensor pooled =
      layers.input(kPooled, FLAME_DTYPE_F32, {batch * rows, models::size_of(sizes, kPooled)});
  if (pooled.channels() != options.text_width()) {
    throw flame::invalid_argument("the pooled text is ", pooled.channels(),
                                  " wide, but the UNet takes ", options.text_width(),
                                  ": this encoder belongs to another model");
  }
  const models::Tensor both = layers.concat(states[0], states[1]);
  layers.output("encoder_hidden_states", layers.reshape(both, {batch, rows * tokens, width}));
  const models::Tensor by_prompt = layers.reshape(pooled, {batch, rows, pooled.channels()});
  const models::Tensor first =
      layers.op("slice", {by_prompt}, {{"axis", 1}, {"start", 0}, {"count", 1}},
                {batch, 1, pooled.channels()});
  layers.output("text_embeds", layers.reshape(first, {batch, pooled.channels()}));
  // The host's numbers are those that it was trained with, in the same order.
  const models::Tensor picture = layers.input("picture", FLAME_DTYPE_F32, {batch, kPictureNumbers});
  layers.output("time_ids", picture);
}

}  // namespace sdxl
