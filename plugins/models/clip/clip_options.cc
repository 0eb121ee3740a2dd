#include "plugins/models/clip/clip_options.h"

namespace clip {
namespace {

constexpr double kMaxWidth = 65536;

}  // namespace

void ClipOptions::describe(flame::OptionTable &table) {
  table.configuration([&] {
    table.integer("vocab_size", vocab_size, "Rows of the table of tokens.").range(1, 1 << 24);
    table.integer("hidden_size", hidden_size, "Width of the states.").range(1, kMaxWidth);
    table.integer("intermediate_size", intermediate_size, "Width inside the feed-forward layers.")
        .range(1, kMaxWidth);
    table.integer("num_hidden_layers", num_hidden_layers, "Layers.").range(1, 256);
    table.integer("num_attention_heads", num_attention_heads, "Heads of each attention.")
        .range(1, kMaxWidth);
    table.integer("max_position_embeddings", max_position_embeddings, "The most tokens of a row.")
        .range(3, kMaxWidth);
    table
        .integer("projection_dim", projection_dim,
                 "Width of the projected embedding; clip-l does not project.")
        .range(1, kMaxWidth);
    table.choice("hidden_act", hidden_act, {"quick_gelu", "gelu"},
                 "The activation of the feed-forward layers.");
    table.number("layer_norm_eps", layer_norm_eps, "The epsilon of every layer norm.").above(0);
    table.integer("bos_token_id", bos_token_id, "Has no effect: the vocabulary says it.");
    table.integer("eos_token_id", eos_token_id,
                  "Where the text ends and is pooled; 2, as published, means the highest id of a "
                  "row.");
    table.integer("pad_token_id", pad_token_id, "Has no effect: see pad_token.");
    table.number("attention_dropout", attention_dropout, "Only 0 is supported.");
    table.number("dropout", dropout, "Only 0 is supported.");
    table.number("initializer_range", initializer_range, "Of new weights; has no effect.");
    table.number("initializer_factor", initializer_factor, "Of new weights; has no effect.");
    table.string("pad_token", pad_token, "The token that fills rows behind the end of the text.");
  });
  table.path("vocabulary", vocabulary,
             "A merges.txt, or the folder that holds it; the one installed with this plugin, when "
             "left out.");
}

void ClipOptions::check() const {
  if (hidden_size % num_attention_heads != 0) {
    throw flame::invalid_argument("num_attention_heads: ", num_attention_heads,
                                  " heads do not divide hidden_size ", hidden_size);
  }
  if (attention_dropout != 0 || dropout != 0)
    throw flame::invalid_argument("attention_dropout and dropout are not supported, expected 0");
}

ClipGOptions::ClipGOptions() {
  hidden_size = 1280;
  intermediate_size = 5120;
  num_hidden_layers = 32;
  num_attention_heads = 20;
  projection_dim = 1280;
  hidden_act = "gelu";
  pad_token = "!";
}

}  // namespace clip
