#include "core/train/held_out.h"

#include <fmt/core.h>

#include <algorithm>

#include "core/base/sha256.h"

namespace flame {
namespace {

// In [0, 1), from the first 13 hexadecimal digits: 52 bits.
double place_of(std::string_view digest) {
  uint64_t bits = 0;
  for (const char digit : digest.substr(0, 13))
    bits = bits * 16 + static_cast<uint64_t>(digit <= '9' ? digit - '0' : digit - 'a' + 10);
  return static_cast<double>(bits) * 0x1p-52;
}

}  // namespace

Result<std::vector<uint64_t>> choose_held_out(std::span<const std::string> identities,
                                              double amount) {
  std::vector<std::pair<std::string, uint64_t>> ranked;
  for (uint64_t i = 0; i < identities.size(); ++i)
    ranked.emplace_back(sha256("held out\n" + identities[i]), i);
  std::sort(ranked.begin(), ranked.end());
  std::vector<uint64_t> chosen;
  for (const auto &[digest, index] : ranked) {
    const bool taken =
        amount < 1 ? place_of(digest) < amount : static_cast<double>(chosen.size()) + 1 <= amount;
    if (taken) chosen.push_back(index);
  }
  if (amount > 0 && chosen.size() == identities.size())
    return config_error(
        fmt::format("'validation: {}' holds back all {} examples, so that none is left to learn "
                    "from",
                    amount, identities.size()),
        "hold back fewer, or add pictures");
  std::sort(chosen.begin(), chosen.end());
  return chosen;
}

}  // namespace flame
