// Which examples are kept from training, to measure on them what was learned.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/base/result.h"

namespace flame {

// The indices of the held-out examples, rising. They follow from the contents alone: no order of
// files, seed or other example changes the choice of a fraction, and equal contents stay together.
// `amount` below 1 is a fraction of the examples, from 1 on their number; 0 holds nothing back.
// Error (kBadConfig): nothing would be left to learn from.
Result<std::vector<uint64_t>> choose_held_out(std::span<const std::string> identities,
                                              double amount);

}  // namespace flame
