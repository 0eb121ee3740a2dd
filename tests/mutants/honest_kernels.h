// Plain kernels of three optional ops, which the reference backend has not, so that bugs can be
// planted there too.
#pragma once

#include "flame/op.h"

namespace flame::mutants {

struct LayerNormBugs {
  double eps_factor = 1;
  bool unbiased = false;
};
void run_layer_norm(const flame_op &op, const LayerNormBugs &bugs);

void run_layer_norm_grad(const flame_op &op, bool mean_term_missing);

struct AttentionBugs {
  bool last_key_dropped = false;
  bool scale_missing = false;
};
void run_attention(const flame_op &op, const AttentionBugs &bugs);

}  // namespace flame::mutants
