#include "plugins/models/clip/clip_names.h"

namespace clip {
namespace {

using flame::text;

enum Place : size_t {
  kTransformers,
  kLdm,
  kOpenClip
};

// Most files put "text_model." before every name of an encoder that does not project, some
// transformers versions do not: it is a prefix here.
constexpr std::string_view kRoot = "text_model.";

const models::Renames kOpenClipOutside = {
    {"embeddings.token_embedding", "token_embedding"},
    {"embeddings.position_embedding.weight", "positional_embedding"},
    {"final_layer_norm", "ln_final"},
};
const models::Renames kOpenClipLayer = {
    {"layer_norm1", "ln_1"}, {"layer_norm2", "ln_2"},   {"self_attn.out_proj", "attn.out_proj"},
    {"mlp.fc1", "mlp.c_fc"}, {"mlp.fc2", "mlp.c_proj"},
};

std::vector<std::string> with_root(const std::vector<std::string> &prefixes, bool projects) {
  if (projects) return prefixes;
  std::vector<std::string> out;
  for (const std::string &prefix : prefixes) out.push_back(text(prefix, kRoot));
  return out;
}

// q, k and v are the rows of one tensor there, and the projection stands the other way round.
flame::WeightSource open_clip_source(const std::string &name, const flame::Shape &shape) {
  if (name == "text_projection.weight") {
    flame::WeightSource source;
    source.key = "text_projection";
    source.shape = {shape[1], shape[0]};
    source.axes = {1, 0};
    source.row_count = shape[1];
    return source;
  }
  const std::string inside = name.substr(kRoot.size());
  const std::vector<std::string> parts = models::parts_of(inside);
  if (parts[0] != "encoder") return models::whole(models::renamed(inside, kOpenClipOutside), shape);
  const std::string block = text("transformer.resblocks.", parts[2], ".");
  const std::string rest = models::join(parts, 3);
  const std::vector<std::string_view> fused = {"q_proj", "k_proj", "v_proj"};
  for (size_t i = 0; parts[3] == "self_attn" && i < fused.size(); ++i) {
    if (parts[4] != fused[i]) continue;
    flame::WeightSource source = models::whole(text(block, "attn.in_proj_", parts[5]), shape);
    source.shape[0] *= static_cast<int64_t>(fused.size());
    source.first_row = static_cast<int64_t>(i) * shape[0];
    return source;
  }
  return models::whole(block + models::renamed(rest, kOpenClipLayer), shape);
}

}  // namespace

std::vector<flame::Layout> layouts(bool projects) {
  // What else the files of a whole CLIP hold, and buffers that were saved with the weights.
  std::vector<std::string> other = {"logit_scale", "vision_model.*", "visual_projection.weight"};
  other.push_back(projects ? "text_model.embeddings.position_ids" : "embeddings.position_ids");
  std::vector<std::string> open_clip = {"logit_scale",      "visual.*",       "attn_mask",
                                        "input_resolution", "context_length", "vocab_size"};
  if (!projects) open_clip.emplace_back("text_projection");
  std::vector<std::string> folder = with_root({""}, projects);
  if (!projects) folder.emplace_back("");
  const std::string number = projects ? "1" : "0";
  const std::string letter = projects ? "g" : "l";
  return {
      {"transformers", text("the folder text_encoder", projects ? "_2" : "", "/ of diffusers"),
       folder, other},
      {"ldm", "single-file checkpoints, with transformers' names",
       with_root({text("conditioner.embedders.", number, ".transformer."),
                  text("text_encoders.clip_", letter, ".transformer."),
                  text("clip_", letter, ".transformer.")},
                 projects),
       other},
      {"open_clip",
       "single-file checkpoints, with open_clip's names",
       {text("conditioner.embedders.", number, ".model."), "", "cond_stage_model.model."},
       open_clip},
  };
}

flame::WeightSource source(bool projects, size_t layout, const std::string &parameter,
                           const flame::Shape &shape) {
  if (layout == kOpenClip) return open_clip_source(parameter, shape);
  return models::whole(projects ? parameter : parameter.substr(kRoot.size()), shape);
}

}  // namespace clip
