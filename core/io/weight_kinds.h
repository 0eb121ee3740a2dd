// What a file of weights is, from a few tensors that tell: for messages and for `weights inspect`.
#pragma once

#include <string>
#include <vector>

#include "core/io/weight_set.h"

namespace flame {

// "the UNet of Stable Diffusion 1.x", …; none if nothing in the set is known.
std::vector<std::string> kinds_of(const WeightSet &set);

}  // namespace flame
