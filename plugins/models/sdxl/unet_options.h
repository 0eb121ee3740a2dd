// The configuration of the UNet, with the names of diffusers' config.json; defaults are SDXL's.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "flame/plugin.hpp"

namespace sdxl {

// Lists with one item count for every level.
struct UNetOptions {
  int64_t sample_size = 128;
  int64_t in_channels = 4, out_channels = 4;
  std::vector<std::string> down_block_types = {"DownBlock2D", "CrossAttnDownBlock2D",
                                               "CrossAttnDownBlock2D"};
  std::string mid_block_type = "UNetMidBlock2DCrossAttn";
  std::vector<std::string> up_block_types = {"CrossAttnUpBlock2D", "CrossAttnUpBlock2D",
                                             "UpBlock2D"};
  std::vector<int64_t> block_out_channels = {320, 640, 1280};
  std::vector<int64_t> layers_per_block = {2};
  std::vector<int64_t> transformer_layers_per_block = {1, 2, 10};
  std::vector<int64_t> attention_head_dim = {5, 10, 20};
  std::vector<int64_t> cross_attention_dim = {2048};
  bool use_linear_projection = true;
  bool flip_sin_to_cos = true;
  int64_t freq_shift = 0;
  std::string addition_embed_type = "text_time";
  int64_t addition_time_embed_dim = 256;
  int64_t projection_class_embeddings_input_dim = 2816;
  std::optional<int64_t> time_embedding_dim;
  int64_t norm_num_groups = 32;
  double norm_eps = 1e-5;
  int64_t conv_in_kernel = 3, conv_out_kernel = 3;
  bool center_input_sample = false;

  // Published keys that have one value in SDXL and in models like it.
  std::string act_fn = "silu", time_embedding_type = "positional", attention_type = "default",
              resnet_time_scale_shift = "default";
  int64_t downsample_padding = 1, addition_embed_type_num_heads = 64;
  double dropout = 0, mid_block_scale_factor = 1, resnet_out_scale_factor = 1;
  bool only_cross_attention = false, dual_cross_attention = false, upcast_attention = false,
       class_embeddings_concat = false, resnet_skip_time_act = false;
  std::optional<bool> mid_block_only_cross_attention;
  std::optional<std::string> class_embed_type, encoder_hid_dim_type, time_embedding_act_fn,
      timestep_post_act, cross_attention_norm;
  std::optional<int64_t> encoder_hid_dim, num_class_embeds, time_cond_proj_dim;
  std::vector<int64_t> num_attention_heads, reverse_transformer_layers_per_block;

  void describe(flame::OptionTable &table);
  // What fits together, with lists as long as there are levels. Throws and names the option.
  UNetOptions checked() const;

  size_t levels() const { return block_out_channels.size(); }
  int64_t time_width() const { return time_embedding_dim.value_or(4 * block_out_channels[0]); }
  // Of what stands beside the six numbers of time_ids.
  int64_t text_width() const {
    return projection_class_embeddings_input_dim - 6 * addition_time_embed_dim;
  }
};

}  // namespace sdxl
