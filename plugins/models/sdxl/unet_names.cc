// The names of single-file checkpoints.
#include "plugins/models/sdxl/unet.h"
#include "plugins/models/shared/named_weights.h"

namespace sdxl {
namespace {

using flame::text;

const models::Renames kOutside = {
    {"time_embedding.linear_1", "time_embed.0"},
    {"time_embedding.linear_2", "time_embed.2"},
    {"add_embedding.linear_1", "label_emb.0.0"},
    {"add_embedding.linear_2", "label_emb.0.2"},
    {"conv_in", "input_blocks.0.0"},
    {"conv_norm_out", "out.0"},
    {"conv_out", "out.2"},
};
const models::Renames kResnet = {
    {"norm1", "in_layers.0"},  {"conv1", "in_layers.2"},  {"time_emb_proj", "emb_layers.1"},
    {"norm2", "out_layers.0"}, {"conv2", "out_layers.3"}, {"conv_shortcut", "skip_connection"},
};

}  // namespace

// Every residual block and every halving is a block of its own there, the first convolution is block
// 0, and a doubling is the last part of the block before it.
std::string ldm_key(const UNetOptions &options, const std::string &parameter) {
  const std::vector<std::string> parts = models::parts_of(parameter);
  const std::string &way = parts[0];
  if (way == "mid_block") {
    const std::string rest = models::join(parts, 3);
    if (parts[1] == "attentions") return text("middle_block.1.", rest);
    return text("middle_block.", parts[2] == "0" ? 0 : 2, ".", models::renamed(rest, kResnet));
  }
  const bool down = way == "down_blocks";
  if (!down && way != "up_blocks") return models::renamed(parameter, kOutside);

  const size_t level = std::stoul(parts[1]);
  const auto layers = [&](size_t at) {
    return options.layers_per_block[down ? at : options.levels() - 1 - at];
  };
  int64_t block = down ? 1 : 0;
  for (size_t before = 0; before < level; ++before) block += layers(before) + 1;
  const std::string rest = models::join(parts, 4);
  if (parts[2] == "downsamplers")
    return text("input_blocks.", block + layers(level), ".0.op.", models::join(parts, 5));
  if (parts[2] == "upsamplers") {
    const bool attends = options.up_block_types[level] == "CrossAttnUpBlock2D";
    return text("output_blocks.", block + layers(level), ".", attends ? 2 : 1, ".", rest);
  }
  const std::string place =
      text(down ? "input_blocks." : "output_blocks.", block + std::stol(parts[3]));
  if (parts[2] == "attentions") return text(place, ".1.", rest);
  return text(place, ".0.", models::renamed(rest, kResnet));
}

}  // namespace sdxl
