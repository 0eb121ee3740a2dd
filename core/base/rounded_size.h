// Sizes of memory, to be read by people.
#pragma once

#include <cstdint>
#include <string>

namespace flame {

// "1.5 GiB": for reading, where flame::size_text gives what can be read back.
std::string rounded_size_text(uint64_t bytes);

}  // namespace flame
