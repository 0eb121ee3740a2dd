// The names of single-file checkpoints and of older files of diffusers.
#include "plugins/models/shared/named_weights.h"
#include "plugins/models/vae/vae.h"

namespace vae {
namespace {

using flame::text;

const models::Renames kResnet = {{"conv_shortcut", "nin_shortcut"}};
const models::Renames kAttention = {
    {"group_norm", "norm"}, {"to_q", "q"}, {"to_k", "k"}, {"to_v", "v"}, {"to_out.0", "proj_out"}};
const models::Renames kOldAttention = {
    {"to_q", "query"}, {"to_k", "key"}, {"to_v", "value"}, {"to_out.0", "proj_attn"}};
const models::Renames kOutside = {{"conv_norm_out", "norm_out"}};

// "encoder.mid_block.attentions.0.…", or "" for other parts.
bool is_attention(const std::vector<std::string> &parts) {
  return parts.size() > 4 && parts[1] == "mid_block" && parts[2] == "attentions";
}

}  // namespace

std::string ldm_key(const VaeOptions &options, const std::string &parameter) {
  const std::vector<std::string> parts = models::parts_of(parameter);
  const std::string &coder = parts[0];
  if (coder != "encoder" && coder != "decoder") return parameter;  // quant_conv
  if (is_attention(parts))
    return text(coder, ".mid.attn_1.", models::renamed(models::join(parts, 4), kAttention));
  if (parts[1] == "mid_block") {
    return text(coder, ".mid.block_", std::stol(parts[3]) + 1, ".",
                models::renamed(models::join(parts, 4), kResnet));
  }
  const bool down = parts[1] == "down_blocks";
  if (!down && parts[1] != "up_blocks")
    return text(coder, ".", models::renamed(models::join(parts, 1), kOutside));
  // The decoder's levels are counted there as the encoder's, the widest picture first.
  const size_t index = std::stoul(parts[2]);
  const std::string level =
      down ? text(coder, ".down.", index) : text(coder, ".up.", options.levels() - 1 - index);
  if (parts[3] == "resnets") {
    return text(level, ".block.", parts[4], ".", models::renamed(models::join(parts, 5), kResnet));
  }
  return text(level, down ? ".downsample." : ".upsample.", models::join(parts, 5));
}

std::string old_diffusers_key(const std::string &parameter) {
  const std::vector<std::string> parts = models::parts_of(parameter);
  if (!is_attention(parts)) return parameter;
  const std::string rest = models::renamed(models::join(parts, 4), kOldAttention);
  return text(parts[0], ".mid_block.attentions.0.", rest);
}

}  // namespace vae
