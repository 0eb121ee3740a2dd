// The contract's tables of the fake model (fake_model.h).
#pragma once

#include "flame/tokenizer.h"
#include "flame/weights.h"

namespace flame::test {

extern const flame_model_interface kFakeModels;
extern const flame_weights_interface kFakeWeights;
extern const flame_tokenizer_interface kFakeTokens;

}  // namespace flame::test
