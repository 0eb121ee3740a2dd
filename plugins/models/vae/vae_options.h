// The configuration of the autoencoder, with the names of diffusers' config.json; defaults are
// SDXL's.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "flame/plugin.hpp"

namespace vae {

struct VaeOptions {
  int64_t in_channels = 3, out_channels = 3, latent_channels = 4;
  std::vector<std::string> down_block_types = {"DownEncoderBlock2D"};
  std::vector<std::string> up_block_types = {"UpDecoderBlock2D"};
  std::vector<int64_t> block_out_channels = {128, 256, 512, 512};
  int64_t layers_per_block = 2;
  int64_t norm_num_groups = 32;
  std::string act_fn = "silu";
  bool use_quant_conv = true, use_post_quant_conv = true, mid_block_add_attention = true;
  int64_t sample_size = 1024;
  double scaling_factor = 0.13025;
  std::optional<double> shift_factor;
  std::vector<double> latents_mean, latents_std;
  bool force_upcast = true;

  void describe(flame::OptionTable &table);
  // What fits together. Throws and names the option.
  void check() const;

  size_t levels() const { return block_out_channels.size(); }
};

}  // namespace vae
