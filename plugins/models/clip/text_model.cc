#include "plugins/models/clip/text_model.h"

namespace clip {
namespace {

using flame::Shape;
using flame::text;
using models::Layers;
using models::Tensor;

// Configurations from before the end token stood in them say 2 and mean the highest id.
constexpr int64_t kEndIsHighestId = 2;

Tensor attention(Layers &layers, const ClipOptions &options, const Tensor &x) {
  const auto open = layers.scope("self_attn");
  const Tensor q = layers.linear("q_proj", x, x.channels());
  const Tensor k = layers.linear("k_proj", x, x.channels());
  const Tensor v = layers.linear("v_proj", x, x.channels());
  const Tensor y = layers.attention(q, k, v, {options.num_attention_heads, true});
  return layers.linear("out_proj", y, x.channels());
}

Tensor layer(Layers &layers, const ClipOptions &options, int64_t index, Tensor h) {
  const auto open = layers.scope(text("encoder.layers.", index));
  h = layers.add(
      h, attention(layers, options, layers.layer_norm("layer_norm1", h, options.layer_norm_eps)));
  Tensor wide = layers.layer_norm("layer_norm2", h, options.layer_norm_eps);
  wide = layers.linear("mlp.fc1", wide, options.intermediate_size);
  wide = layers.apply(options.hidden_act.c_str(), wide);
  return layers.add(h, layers.linear("mlp.fc2", wide, options.hidden_size));
}

Tensor embed(Layers &layers, const ClipOptions &options, const Tensor &ids) {
  const auto open = layers.scope("embeddings");
  const int64_t tokens = ids.size(1), width = options.hidden_size;
  const Tensor table = layers.parameter("token_embedding.weight", {options.vocab_size, width});
  const Tensor places =
      layers.parameter("position_embedding.weight", {options.max_position_embeddings, width});
  const Tensor used =
      layers.op("slice", {places}, {{"axis", 0}, {"count", tokens}}, {tokens, width});
  return layers.add(layers.op("embedding", {ids, table}, {}, {ids.size(0), tokens, width}), used);
}

// The state of each row at its end token: [n, width].
Tensor pooled(Layers &layers, const ClipOptions &options, const Tensor &ids, const Tensor &states) {
  const int64_t n = ids.size(0), tokens = ids.size(1);
  Tensor marks = ids;
  if (options.eos_token_id != kEndIsHighestId) {
    marks = layers.map(text("eq x0 ", options.eos_token_id), {ids}, ids.shape, FLAME_DTYPE_I32);
  }
  const Tensor ends = layers.op("argreduce", {marks}, {{"kind", "max"}, {"axis", 1}}, {n});
  const Tensor starts =
      layers.op("iota", {}, {{"shape", {n}}, {"step", static_cast<double>(tokens)}}, {n});
  const Tensor rows = layers.reshape(states, {n * tokens, states.channels()});
  return layers.op("gather", {rows, layers.add(starts, ends)}, {{"axis", 0}},
                   {n, states.channels()});
}

}  // namespace

void build_text_model(flame::Program &program, const ClipOptions &options, const TextSizes &sizes,
                      bool projects) {
  if (sizes.tokens > options.max_position_embeddings) {
    throw flame::invalid_argument("size 'tokens' is ", sizes.tokens, ", but the model has ",
                                  options.max_position_embeddings, " positions");
  }
  Layers layers(program);
  const Tensor ids = layers.input("input_ids", FLAME_DTYPE_I64, {sizes.batch, sizes.tokens});
  Tensor end;
  {
    const auto open = layers.scope("text_model");
    Tensor h = embed(layers, options, ids), before = h;
    for (int64_t i = 0; i < options.num_hidden_layers; ++i) {
      before = h;
      h = layer(layers, options, i, h);
    }
    const Tensor last = layers.layer_norm("final_layer_norm", h, options.layer_norm_eps);
    layers.output("last_hidden_state", last);
    layers.output("penultimate", before);
    end = pooled(layers, options, ids, last);
  }
  if (projects) {
    layers.output("text_embeds",
                  layers.linear("text_projection", end, options.projection_dim, false));
  } else {
    layers.output("pooler_output", end);
  }
}

}  // namespace clip
