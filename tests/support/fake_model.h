// A model for tests of what the host does with models: two linears and a convolution, whose files
// are as its options say. No library: tables of the contract that stand in the test itself.
#pragma once

#include "core/plugin/plugin_model.h"

namespace flame::test {

// Parameters: "conv.weight" [width, 3, 3, 4], "attn.q.weight" and "attn.k.weight" [width, width],
// "attn.k.bias" [width], "norm.weight" [width], "proj.weight" [2, width].
//
// Layout "published": conv.weight is [width, 4, 3, 3]; prefixes "" and "net."; all under own names.
// Layout "old": prefix "model." or ""; "0.weight", "qk.weight" [2·width, width] (rows q, then k),
// "qk_bias", "scale.weight", and "proj" [width, 2], transposed; ignores "ids.*".
//
// Program "net": "sample" [batch, height, width, 4] → "out" [batch, 2], which is
//   proj · mean over places of (norm · (x + k(q(x)))) with x = conv(sample).
//
// `fault` names a rule of flame/weights.h or flame/tokenizer.h that it breaks; "" is right, and
// "plain" a model that names no layout.
Result<PluginModel> fake_model(int64_t width, std::string_view fault = "");

}  // namespace flame::test
