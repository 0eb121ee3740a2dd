#include "plugins/models/vae/vae.h"

namespace vae {
namespace {

// A network may give any number here; e to a large one is none.
constexpr double kLeastLogVariance = -30.0, kMostLogVariance = 20.0;

using flame::text;
using models::Layers;
using models::Tensor;

constexpr double kNormEps = 1e-6;

Tensor norm(Layers &layers, const VaeOptions &options, const char *name, const Tensor &x,
            const char *activation) {
  return layers.group_norm(name, x, options.norm_num_groups, kNormEps, activation);
}

Tensor residual(Layers &layers, const VaeOptions &options, int64_t index, const Tensor &x,
                int64_t channels) {
  return models::resnet(layers, text("resnets.", index), x, nullptr,
                        {channels, options.norm_num_groups, kNormEps});
}

// One head over all places.
Tensor attention(Layers &layers, const VaeOptions &options, const Tensor &x) {
  const auto open = layers.scope("attentions.0");
  const Tensor flat = layers.reshape(norm(layers, options, "group_norm", x, ""),
                                     {x.size(0), x.size(1) * x.size(2), x.channels()});
  const Tensor q = layers.linear("to_q", flat, x.channels());
  const Tensor k = layers.linear("to_k", flat, x.channels());
  const Tensor v = layers.linear("to_v", flat, x.channels());
  const Tensor y = layers.linear("to_out.0", layers.attention(q, k, v, {}), x.channels());
  return layers.add(x, layers.reshape(y, x.shape));
}

Tensor middle(Layers &layers, const VaeOptions &options, const Tensor &x) {
  const auto open = layers.scope("mid_block");
  Tensor h = residual(layers, options, 0, x, x.channels());
  if (options.mid_block_add_attention) h = attention(layers, options, h);
  return residual(layers, options, 1, h, x.channels());
}

Tensor last(Layers &layers, const VaeOptions &options, const Tensor &x, int64_t channels) {
  return layers.conv("conv_out", norm(layers, options, "conv_norm_out", x, "silu"), {channels});
}

Tensor encode(Layers &layers, const VaeOptions &options, const Tensor &sample) {
  const auto open = layers.scope("encoder");
  Tensor h = layers.conv("conv_in", sample, {options.block_out_channels[0]});
  for (size_t level = 0; level < options.levels(); ++level) {
    const auto block = layers.scope(text("down_blocks.", level));
    for (int64_t i = 0; i < options.layers_per_block; ++i)
      h = residual(layers, options, i, h, options.block_out_channels[level]);
    if (level + 1 == options.levels()) break;
    // Padded at the bottom and at the right alone.
    h = layers.conv("downsamplers.0.conv", h, {h.channels(), 3, 2, {0, 1, 0, 1}});
  }
  return last(layers, options, middle(layers, options, h), 2 * options.latent_channels);
}

Tensor decode(Layers &layers, const VaeOptions &options, const Tensor &latent) {
  const auto open = layers.scope("decoder");
  Tensor h = layers.conv("conv_in", latent, {options.block_out_channels.back()});
  h = middle(layers, options, h);
  for (size_t index = 0; index < options.levels(); ++index) {
    const auto block = layers.scope(text("up_blocks.", index));
    const size_t level = options.levels() - 1 - index;
    for (int64_t i = 0; i <= options.layers_per_block; ++i)
      h = residual(layers, options, i, h, options.block_out_channels[level]);
    if (level == 0) break;
    h = layers.conv("upsamplers.0.conv", layers.nearest(h, 2 * h.size(1), 2 * h.size(2)),
                    {h.channels()});
  }
  return last(layers, options, h, options.out_channels);
}

Tensor moments_of(Layers &layers, const VaeOptions &options, const ImageSizes &picture) {
  const Tensor sample =
      layers.input("sample", FLAME_DTYPE_F32,
                   {picture.batch, picture.height, picture.width, options.in_channels});
  const Tensor moments = encode(layers, options, sample);
  if (!options.use_quant_conv) return moments;
  return layers.conv("quant_conv", moments, {moments.channels(), 1});
}

Tensor latent_input(Layers &layers, const VaeOptions &options, std::string_view name,
                    const ImageSizes &latent) {
  return layers.input(name, FLAME_DTYPE_F32,
                      {latent.batch, latent.height, latent.width, options.latent_channels});
}

Tensor picture_of(Layers &layers, const VaeOptions &options, const Tensor &latent) {
  if (!options.use_post_quant_conv) return decode(layers, options, latent);
  return decode(layers, options, layers.conv("post_quant_conv", latent, {latent.channels(), 1}));
}

Tensor channels(Layers &layers, const Tensor &x, int64_t first, int64_t count) {
  flame::Shape shape = x.shape;
  shape.back() = count;
  return layers.op("slice", {x}, {{"axis", -1}, {"start", first}, {"count", count}}, shape);
}

// Latents of each channel's own mean and deviation are another family's.
void check_scaling(const VaeOptions &options) {
  if (options.latents_mean.empty() && options.latents_std.empty()) return;
  throw flame::invalid_argument(
      "latents_mean and latents_std: latents scaled by channel are not supported, expected none");
}

}  // namespace

void build_encoder(flame::Program &program, const VaeOptions &options, const ImageSizes &picture) {
  Layers layers(program);
  layers.output("moments", moments_of(layers, options, picture));
}

void build_decoder(flame::Program &program, const VaeOptions &options, const ImageSizes &latent) {
  Layers layers(program);
  const Tensor sample = latent_input(layers, options, "latent", latent);
  layers.output("sample", picture_of(layers, options, sample));
}

void build_encode(flame::Program &program, const VaeOptions &options, const ImageSizes &picture) {
  check_scaling(options);
  Layers layers(program);
  const Tensor moments = moments_of(layers, options, picture);
  const Tensor noise =
      latent_input(layers, options, "noise", {moments.size(0), moments.size(1), moments.size(2)});
  const int64_t count = options.latent_channels;
  const std::string code =
      text("clamp x1 ", kLeastLogVariance, " ", kMostLogVariance, "; mul t0 0.5; exp t1; ",
           "mul t2 x2; add x0 t3; sub t4 ", options.shift_factor.value_or(0.0), "; mul t5 ",
           options.scaling_factor);
  layers.output("latent", layers.map(code,
                                     {channels(layers, moments, 0, count),
                                      channels(layers, moments, count, count), noise},
                                     noise.shape, FLAME_DTYPE_F32));
}

void build_decode(flame::Program &program, const VaeOptions &options, const ImageSizes &latent) {
  check_scaling(options);
  Layers layers(program);
  const Tensor scaled = latent_input(layers, options, "latent", latent);
  const std::string code =
      text("div x0 ", options.scaling_factor, "; add t0 ", options.shift_factor.value_or(0.0));
  layers.output("sample", picture_of(layers, options,
                                     layers.map(code, {scaled}, scaled.shape, FLAME_DTYPE_F32)));
}

}  // namespace vae
