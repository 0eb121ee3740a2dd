// The configuration of a text encoder, with the names of transformers' config.json.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "flame/plugin.hpp"

namespace clip {

struct ClipOptions {
  int64_t vocab_size = 49408;
  int64_t hidden_size = 768, intermediate_size = 3072;
  int64_t num_hidden_layers = 12, num_attention_heads = 12;
  int64_t max_position_embeddings = 77;
  int64_t projection_dim = 768;
  std::string hidden_act = "quick_gelu";
  double layer_norm_eps = 1e-5;
  int64_t bos_token_id = 0, eos_token_id = 2, pad_token_id = 1;
  double attention_dropout = 0, dropout = 0;
  double initializer_range = 0.02, initializer_factor = 1;
  // Of the tokenizer, as in tokenizer_config.json.
  std::string pad_token = "<|endoftext|>";
  std::optional<std::string> vocabulary;

  void describe(flame::OptionTable &table);
  // What fits together. Throws and names the option.
  void check() const;
};

// The encoder of open_clip's ViT-bigG-14.
struct ClipGOptions : ClipOptions {
  ClipGOptions();
};

}  // namespace clip
