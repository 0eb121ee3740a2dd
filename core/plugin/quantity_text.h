// Sizes and times with their units: 22GiB, 1.5GB, 90s, 5min.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace flame {

struct Unit {
  std::string_view name;
  double scale;  // in bytes, or in seconds
};

std::span<const Unit> size_units();
std::span<const Unit> duration_units();

// Reads a number and its unit, multiplied out. If it cannot: false, and `reason` says what to
// write, or is empty where the text does not even start like a number.
bool read_quantity(std::string_view text, std::span<const Unit> units, double *value,
                   std::string *reason);

// The number as read_quantity takes it, in the largest unit that needs no fraction.
std::string size_text(int64_t bytes);
std::string duration_text(double seconds);

}  // namespace flame
