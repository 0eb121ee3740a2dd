#include "plugins/models/sdxl/unet_options.h"

namespace sdxl {
namespace {

constexpr double kMaxWidth = 65536;
constexpr double kMaxLayers = 256;

template <typename Value>
void refuse(bool refused, const char *name, const Value &value, const char *expected) {
  if (refused)
    throw flame::invalid_argument(name, ": ", value, " is not supported, expected ", expected);
}

template <typename Value>
void refuse_given(const char *name, const std::optional<Value> &value) {
  if (value) refuse(true, name, *value, "none (null)");
}

void refuse_given(const char *name, const std::vector<int64_t> &value) {
  if (!value.empty()) refuse(true, name, value.front(), "none (null)");
}

template <typename Item>
void spread(const char *name, std::vector<Item> &list, size_t levels) {
  if (list.size() == 1) list.assign(levels, list.front());
  if (list.size() != levels) {
    throw flame::invalid_argument(name, " has ", list.size(), " items, but block_out_channels ",
                                  levels, ": give one for each level");
  }
}

void describe_fixed(flame::OptionTable &table, UNetOptions &o) {
  table.choice("act_fn", o.act_fn, {"silu", "swish"}, "The activation of the residual blocks.");
  table.choice("time_embedding_type", o.time_embedding_type, {"positional"},
               "How a timestep becomes a vector.");
  table.choice("attention_type", o.attention_type, {"default"}, "The kind of transformer block.");
  table.choice("resnet_time_scale_shift", o.resnet_time_scale_shift, {"default"},
               "How the residual blocks take the time embedding.");
  table.integer("downsample_padding", o.downsample_padding, "Of the convolutions that halve; 1.");
  table.integer("addition_embed_type_num_heads", o.addition_embed_type_num_heads,
                "Of another addition_embed_type; has no effect.");
  table.number("dropout", o.dropout, "Only 0 is supported.");
  table.number("mid_block_scale_factor", o.mid_block_scale_factor, "Only 1 is supported.");
  table.number("resnet_out_scale_factor", o.resnet_out_scale_factor, "Only 1 is supported.");
  table.flag("only_cross_attention", o.only_cross_attention, "Only false is supported.");
  table.flag("dual_cross_attention", o.dual_cross_attention, "Only false is supported.");
  table.flag("upcast_attention", o.upcast_attention,
             "Softmax in f32, as attention always has it here; has no effect.");
  table.flag("class_embeddings_concat", o.class_embeddings_concat, "Only false is supported.");
  table.flag("resnet_skip_time_act", o.resnet_skip_time_act, "Only false is supported.");
  table.flag("mid_block_only_cross_attention", o.mid_block_only_cross_attention,
             "Only false is supported.");
  table.string("class_embed_type", o.class_embed_type, "Not supported: leave it out.");
  table.string("encoder_hid_dim_type", o.encoder_hid_dim_type, "Not supported: leave it out.");
  table.string("time_embedding_act_fn", o.time_embedding_act_fn, "Not supported: leave it out.");
  table.string("timestep_post_act", o.timestep_post_act, "Not supported: leave it out.");
  table.string("cross_attention_norm", o.cross_attention_norm, "Not supported: leave it out.");
  table.integer("encoder_hid_dim", o.encoder_hid_dim, "Not supported: leave it out.");
  table.integer("num_class_embeds", o.num_class_embeds, "Not supported: leave it out.");
  table.integer("time_cond_proj_dim", o.time_cond_proj_dim, "Not supported: leave it out.");
  table.integer("num_attention_heads", o.num_attention_heads,
                "Not supported: the number of heads is attention_head_dim.");
  table.integer("reverse_transformer_layers_per_block", o.reverse_transformer_layers_per_block,
                "Not supported: leave it out.");
}

}  // namespace

void UNetOptions::describe(flame::OptionTable &table) {
  table.integer("sample_size", sample_size, "The usual height and width of latents.")
      .range(1, kMaxWidth);
  table.integer("in_channels", in_channels, "Channels of the latents that go in.")
      .range(1, kMaxWidth);
  table.integer("out_channels", out_channels, "Channels of the answer.").range(1, kMaxWidth);
  table.choice("down_block_types", down_block_types, {"DownBlock2D", "CrossAttnDownBlock2D"},
               "The kind of each level on the way down.");
  table.choice("mid_block_type", mid_block_type, {"UNetMidBlock2DCrossAttn"},
               "The kind of the block in the middle.");
  table.choice("up_block_types", up_block_types, {"UpBlock2D", "CrossAttnUpBlock2D"},
               "The kind of each level on the way up, the deepest first.");
  table.integer("block_out_channels", block_out_channels, "The width of each level.")
      .range(1, kMaxWidth);
  table
      .integer("layers_per_block", layers_per_block,
               "Residual blocks of each level on the way down; one more on the way up.")
      .range(1, kMaxLayers);
  table
      .integer("transformer_layers_per_block", transformer_layers_per_block,
               "Layers of each transformer, by level.")
      .range(1, kMaxLayers);
  table
      .integer("attention_head_dim", attention_head_dim,
               "The number of heads of each level; its published name says otherwise.")
      .range(1, kMaxWidth);
  table.integer("cross_attention_dim", cross_attention_dim, "Width of the text states.")
      .range(1, kMaxWidth);
  table.flag("use_linear_projection", use_linear_projection,
             "Transformers begin and end with linear layers, not with 1 by 1 convolutions.");
  table.flag("flip_sin_to_cos", flip_sin_to_cos, "Cosines stand before sines.");
  table.integer("freq_shift", freq_shift, "Taken off the number of frequencies.").range(0, 1);
  table.choice("addition_embed_type", addition_embed_type, {"text_time"},
               "What is added to the time embedding.");
  table
      .integer("addition_time_embed_dim", addition_time_embed_dim,
               "Width of the embedding of each number in time_ids.")
      .range(2, kMaxWidth);
  table
      .integer("projection_class_embeddings_input_dim", projection_class_embeddings_input_dim,
               "Width of text_embeds and the six embeddings of time_ids together.")
      .range(1, kMaxWidth);
  table
      .integer("time_embedding_dim", time_embedding_dim,
               "Width of the time embedding; four times the first level's, when left out.")
      .range(1, kMaxWidth);
  table.integer("norm_num_groups", norm_num_groups, "Groups of every group norm.")
      .range(1, kMaxWidth);
  table.number("norm_eps", norm_eps, "The epsilon of the residual blocks' norms.").above(0);
  table.integer("conv_in_kernel", conv_in_kernel, "Window of the first convolution; odd.")
      .range(1, 31);
  table.integer("conv_out_kernel", conv_out_kernel, "Window of the last convolution; odd.")
      .range(1, 31);
  table.flag("center_input_sample", center_input_sample, "Latents are taken times 2, less 1.");
  describe_fixed(table, *this);
}

UNetOptions UNetOptions::checked() const {
  UNetOptions o = *this;
  if (o.block_out_channels.empty())
    throw flame::invalid_argument("block_out_channels is empty: give a width for each level");
  spread("down_block_types", o.down_block_types, levels());
  spread("up_block_types", o.up_block_types, levels());
  spread("layers_per_block", o.layers_per_block, levels());
  spread("transformer_layers_per_block", o.transformer_layers_per_block, levels());
  spread("attention_head_dim", o.attention_head_dim, levels());
  spread("cross_attention_dim", o.cross_attention_dim, levels());
  for (size_t level = 0; level < levels(); ++level) {
    if (o.block_out_channels[level] % o.attention_head_dim[level] != 0) {
      throw flame::invalid_argument("attention_head_dim: ", o.attention_head_dim[level],
                                    " heads do not divide the ", o.block_out_channels[level],
                                    " channels of level ", level);
    }
  }
  for (const int64_t width : {o.addition_time_embed_dim, o.block_out_channels[0]}) {
    refuse(width % 2 != 0 || width / 2 == freq_shift,
           "addition_time_embed_dim or "
           "block_out_channels",
           width, "an even width for sines and cosines");
  }
  refuse(text_width() < 1, "projection_class_embeddings_input_dim",
         projection_class_embeddings_input_dim, "more than 6 times addition_time_embed_dim");
  refuse(conv_in_kernel % 2 == 0, "conv_in_kernel", conv_in_kernel, "an odd number");
  refuse(conv_out_kernel % 2 == 0, "conv_out_kernel", conv_out_kernel, "an odd number");
  refuse(downsample_padding != 1, "downsample_padding", downsample_padding, "1");
  refuse(dropout != 0, "dropout", dropout, "0");
  refuse(mid_block_scale_factor != 1, "mid_block_scale_factor", mid_block_scale_factor, "1");
  refuse(resnet_out_scale_factor != 1, "resnet_out_scale_factor", resnet_out_scale_factor, "1");
  refuse(only_cross_attention, "only_cross_attention", "true", "false");
  refuse(dual_cross_attention, "dual_cross_attention", "true", "false");
  refuse(class_embeddings_concat, "class_embeddings_concat", "true", "false");
  refuse(resnet_skip_time_act, "resnet_skip_time_act", "true", "false");
  refuse(mid_block_only_cross_attention.value_or(false), "mid_block_only_cross_attention", "true",
         "false");
  refuse_given("class_embed_type", class_embed_type);
  refuse_given("encoder_hid_dim_type", encoder_hid_dim_type);
  refuse_given("time_embedding_act_fn", time_embedding_act_fn);
  refuse_given("timestep_post_act", timestep_post_act);
  refuse_given("cross_attention_norm", cross_attention_norm);
  refuse_given("encoder_hid_dim", encoder_hid_dim);
  refuse_given("num_class_embeds", num_class_embeds);
  refuse_given("time_cond_proj_dim", time_cond_proj_dim);
  refuse_given("num_attention_heads", num_attention_heads);
  refuse_given("reverse_transformer_layers_per_block", reverse_transformer_layers_per_block);
  return o;
}

}  // namespace sdxl
