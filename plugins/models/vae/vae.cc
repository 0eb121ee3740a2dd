#include "plugins/models/vae/vae.h"

namespace vae {
namespace {

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

}  // namespace

void build_encoder(flame::Program &program, const VaeOptions &options, const ImageSizes &picture) {
  Layers layers(program);
  const Tensor sample =
      layers.input("sample", FLAME_DTYPE_F32,
                   {picture.batch, picture.height, picture.width, options.in_channels});
  Tensor moments = encode(layers, options, sample);
  if (options.use_quant_conv) moments = layers.conv("quant_conv", moments, {moments.channels(), 1});
  layers.output("moments", moments);
}

void build_decoder(flame::Program &program, const VaeOptions &options, const ImageSizes &latent) {
  Layers layers(program);
  Tensor h = layers.input("latent", FLAME_DTYPE_F32,
                          {latent.batch, latent.height, latent.width, options.latent_channels});
  if (options.use_post_quant_conv) h = layers.conv("post_quant_conv", h, {h.channels(), 1});
  layers.output("sample", decode(layers, options, h));
}

}  // namespace vae
