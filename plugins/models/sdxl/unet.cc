#include "plugins/models/sdxl/unet.h"

#include <cmath>

namespace sdxl {
namespace {

using flame::text;
using models::Layers;
using models::Tensor;

constexpr double kTransformerNormEps = 1e-6;
constexpr double kLayerNormEps = 1e-5;
constexpr double kLongestPeriod = 10000;
constexpr int64_t kTimeIds = 6;

// Builds one program; the embeddings are known before the blocks are.
class UNet {
 public:
  UNet(flame::Program &program, const UNetOptions &options, const UNetSizes &sizes)
      : layers_(program), options_(options), sizes_(sizes) {}

  void build() {
    const Tensor sample =
        layers_.input("sample", FLAME_DTYPE_F32,
                      {sizes_.batch, sizes_.height, sizes_.width, options_.in_channels});
    embed();
    Tensor h = go_up(middle(go_down(sample)));
    h = layers_.group_norm("conv_norm_out", h, options_.norm_num_groups, options_.norm_eps, "silu");
    layers_.output("sample",
                   layers_.conv("conv_out", h, {options_.out_channels, options_.conv_out_kernel}));
  }

 private:
  // Cosines and sines of `values` [n] at falling frequencies: [n, width]. The angles are computed in
  // f64, since a timestep of 1000 leaves an f32 few digits behind the point.
  Tensor sinusoids(const Tensor &values, int64_t width) {
    const int64_t half = width / 2;
    const Tensor counts = layers_.op("iota", {}, {{"shape", {half}}, {"dtype", "f64"}}, {half});
    const double slope =
        -std::log(kLongestPeriod) / static_cast<double>(half - options_.freq_shift);
    const Tensor frequencies =
        layers_.map(text("mul x0 ", slope, "; exp t0"), {counts}, {half}, FLAME_DTYPE_F64);
    const Tensor exact =
        layers_.reshape(layers_.cast(values, FLAME_DTYPE_F64), {values.size(0), 1});
    const auto wave = [&](const char *function) {
      return layers_.map(text("mul x0 x1; ", function, " t0"), {exact, frequencies},
                         {values.size(0), half}, FLAME_DTYPE_F32);
    };
    const Tensor cos = wave("cos"), sin = wave("sin");
    return options_.flip_sin_to_cos ? layers_.concat(cos, sin) : layers_.concat(sin, cos);
  }

  Tensor two_linears(const char *name, const Tensor &x) {
    const auto open = layers_.scope(name);
    const Tensor h = layers_.linear("linear_1", x, options_.time_width());
    return layers_.linear("linear_2", layers_.apply("silu", h), options_.time_width());
  }

  // Time, pooled text and sizes as one vector, activated for the residual blocks.
  void embed() {
    const int64_t n = sizes_.batch;
    const Tensor timestep = layers_.input("timestep", FLAME_DTYPE_F32, {n});
    for (size_t level = 0; level < options_.levels(); ++level) {
      const int64_t width = options_.cross_attention_dim[level];
      if (level > 0 && width != options_.cross_attention_dim[0])
        throw flame::invalid_argument(
            "cross_attention_dim: levels of different widths are not "
            "supported, expected one width");
    }
    context_ = layers_.input("encoder_hidden_states", FLAME_DTYPE_F32,
                             {n, sizes_.tokens, options_.cross_attention_dim[0]});
    const Tensor texts = layers_.input("text_embeds", FLAME_DTYPE_F32, {n, options_.text_width()});
    const Tensor ids = layers_.input("time_ids", FLAME_DTYPE_F32, {n, kTimeIds});
    const Tensor time =
        two_linears("time_embedding", sinusoids(timestep, options_.block_out_channels[0]));
    const int64_t width = options_.addition_time_embed_dim;
    const Tensor waves = sinusoids(layers_.reshape(ids, {n * kTimeIds}), width);
    const Tensor added = layers_.concat(texts, layers_.reshape(waves, {n, kTimeIds * width}));
    embedding_ = layers_.apply("silu", layers_.add(time, two_linears("add_embedding", added)));
  }

  Tensor residual(int64_t index, const Tensor &x, int64_t channels) {
    return models::resnet(layers_, text("resnets.", index), x, &embedding_,
                          {channels, options_.norm_num_groups, options_.norm_eps});
  }

  Tensor attend(const char *name, const Tensor &x, const Tensor &context, int64_t heads) {
    const auto open = layers_.scope(name);
    const auto project = [&](const char *part, const Tensor &in) {
      return layers_.linear(part, in, x.channels(), false);
    };
    const Tensor q = project("to_q", x);
    const Tensor k = project("to_k", context);
    const Tensor v = project("to_v", context);
    const Tensor y = layers_.attention(q, k, v, {heads});
    return layers_.linear("to_out.0", y, x.channels());
  }

  Tensor transformer_block(int64_t index, Tensor h, int64_t heads) {
    const auto open = layers_.scope(text("transformer_blocks.", index));
    const auto norm = [&](const char *name) { return layers_.layer_norm(name, h, kLayerNormEps); };
    const Tensor own = norm("norm1");
    h = layers_.add(h, attend("attn1", own, own, heads));
    h = layers_.add(h, attend("attn2", norm("norm2"), context_, heads));
    const Tensor wide = layers_.linear("ff.net.0.proj", norm("norm3"), 8 * h.channels());
    return layers_.add(h, layers_.linear("ff.net.2", layers_.geglu(wide), h.channels()));
  }

  Tensor transformer(int64_t index, const Tensor &x, size_t level) {
    const auto open = layers_.scope(text("attentions.", index));
    const int64_t channels = x.channels();
    const flame::Shape tokens = {x.size(0), x.size(1) * x.size(2), channels};
    Tensor h = layers_.group_norm("norm", x, options_.norm_num_groups, kTransformerNormEps, "");
    if (options_.use_linear_projection) {
      h = layers_.linear("proj_in", layers_.reshape(h, tokens), channels);
    } else {
      h = layers_.reshape(layers_.conv("proj_in", h, {channels, 1}), tokens);
    }
    for (int64_t i = 0; i < options_.transformer_layers_per_block[level]; ++i)
      h = transformer_block(i, h, options_.attention_head_dim[level]);
    if (options_.use_linear_projection) {
      h = layers_.reshape(layers_.linear("proj_out", h, channels), x.shape);
    } else {
      h = layers_.conv("proj_out", layers_.reshape(h, x.shape), {channels, 1});
    }
    return layers_.add(x, h);
  }

  Tensor go_down(const Tensor &sample) {
    Tensor h = sample;
    if (options_.center_input_sample)
      h = layers_.map("mul x0 2.0; sub t0 1.0", {h}, h.shape, FLAME_DTYPE_F32);
    h = layers_.conv("conv_in", h, {options_.block_out_channels[0], options_.conv_in_kernel});
    skips_ = {h};
    for (size_t level = 0; level < options_.levels(); ++level) {
      const auto open = layers_.scope(text("down_blocks.", level));
      const int64_t channels = options_.block_out_channels[level];
      const bool attends = options_.down_block_types[level] == "CrossAttnDownBlock2D";
      for (int64_t i = 0; i < options_.layers_per_block[level]; ++i) {
        h = residual(i, h, channels);
        if (attends) h = transformer(i, h, level);
        skips_.push_back(h);
      }
      if (level + 1 == options_.levels()) break;
      h = layers_.conv("downsamplers.0.conv", h, {channels, 3, 2, {1, 1, 1, 1}});
      skips_.push_back(h);
    }
    return h;
  }

  Tensor middle(const Tensor &x) {
    const auto open = layers_.scope("mid_block");
    const int64_t channels = options_.block_out_channels.back();
    const Tensor h = transformer(0, residual(0, x, channels), options_.levels() - 1);
    return residual(1, h, channels);
  }

  Tensor go_up(Tensor h) {
    for (size_t index = 0; index < options_.levels(); ++index) {
      const auto open = layers_.scope(text("up_blocks.", index));
      const size_t level = options_.levels() - 1 - index;
      const bool attends = options_.up_block_types[index] == "CrossAttnUpBlock2D";
      for (int64_t i = 0; i <= options_.layers_per_block[level]; ++i) {
        h = residual(i, layers_.concat(h, skips_.back()), options_.block_out_channels[level]);
        skips_.pop_back();
        if (attends) h = transformer(i, h, level);
      }
      if (level == 0) break;
      // To the size of what comes next, which is not twice this one's where halving rounded up.
      const Tensor &next = skips_.back();
      h = layers_.conv("upsamplers.0.conv", layers_.nearest(h, next.size(1), next.size(2)),
                       {h.channels()});
    }
    return h;
  }

  Layers layers_;
  const UNetOptions &options_;
  UNetSizes sizes_;
  Tensor context_, embedding_;
  std::vector<Tensor> skips_;
};

}  // namespace

void build_unet(flame::Program &program, const UNetOptions &options, const UNetSizes &sizes) {
  UNet(program, options, sizes).build();
}

}  // namespace sdxl
