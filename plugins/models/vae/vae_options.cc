#include "plugins/models/vae/vae_options.h"

namespace vae {
namespace {

constexpr double kMaxWidth = 65536;

void check_length(const char *name, size_t count, size_t levels) {
  if (count == 1 || count == levels) return;
  throw flame::invalid_argument(name, " has ", count, " items, but block_out_channels ", levels,
                                ": give one for each level");
}

}  // namespace

void VaeOptions::describe(flame::OptionTable &table) {
  table.configuration([&] {
    table.integer("in_channels", in_channels, "Channels of the picture that goes in.")
        .range(1, kMaxWidth);
    table.integer("out_channels", out_channels, "Channels of the picture that comes out.")
        .range(1, kMaxWidth);
    table.integer("latent_channels", latent_channels, "Channels of the latent.")
        .range(1, kMaxWidth);
    table.choice("down_block_types", down_block_types, {"DownEncoderBlock2D"},
                 "The kind of the encoder's levels; one for all, or one each.");
    table.choice("up_block_types", up_block_types, {"UpDecoderBlock2D"},
                 "The kind of the decoder's levels; one for all, or one each.");
    table
        .integer("block_out_channels", block_out_channels,
                 "The width of each level; each but the last halves the picture.")
        .range(1, kMaxWidth);
    table
        .integer("layers_per_block", layers_per_block,
                 "Residual blocks of each level of the encoder; the decoder has one more.")
        .range(1, 256);
    table.integer("norm_num_groups", norm_num_groups, "Groups of every group norm.")
        .range(1, kMaxWidth);
    table.choice("act_fn", act_fn, {"silu", "swish"}, "The activation of the residual blocks.");
    table.flag("use_quant_conv", use_quant_conv, "A convolution behind the encoder.");
    table.flag("use_post_quant_conv", use_post_quant_conv, "A convolution before the decoder.");
    table.flag("mid_block_add_attention", mid_block_add_attention,
               "Attention in the middle of encoder and decoder.");
    table.integer("sample_size", sample_size, "The usual height and width of pictures.")
        .range(1, kMaxWidth);
    table.number("scaling_factor", scaling_factor,
                 "Latents are multiplied by this for the UNet; the programs here do not.");
    table.number("shift_factor", shift_factor, "Taken off latents before that; none in SDXL.");
    table.number("latents_mean", latents_mean, "Taken off each channel of latents; none in SDXL.");
    table.number("latents_std", latents_std, "Each channel is divided by this; none in SDXL.");
    table.flag("force_upcast", force_upcast,
               "The published weights overflow f16, so that they are run in bf16 or f32.");
  });
}

void VaeOptions::check() const {
  if (block_out_channels.empty())
    throw flame::invalid_argument("block_out_channels is empty: give a width for each level");
  check_length("down_block_types", down_block_types.size(), levels());
  check_length("up_block_types", up_block_types.size(), levels());
}

}  // namespace vae
