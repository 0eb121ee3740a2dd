#include "core/plugin/quantity_text.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "core/base/terminal.h"
#include "core/plugin/number_text.h"

namespace flame {
namespace {

constexpr Unit kSizeUnits[] = {
    {"B", 1},
    {"kB", 1e3},
    {"KiB", 1024},
    {"MB", 1e6},
    {"MiB", 1048576},
    {"GB", 1e9},
    {"GiB", 1073741824},
    {"TB", 1e12},
    {"TiB", 1099511627776},
};
constexpr Unit kDurationUnits[] = {
    {"ms", 1e-3}, {"s", 1}, {"min", 60}, {"h", 3600}, {"d", 86400},
};

// How people write these units elsewhere, and what to write here. "m" is either.
constexpr std::pair<std::string_view, std::string_view> kOtherNames[] = {
    {"m", "min"},   {"minute", "min"}, {"minutes", "min"}, {"mins", "min"}, {"sec", "s"},
    {"secs", "s"},  {"second", "s"},   {"seconds", "s"},   {"msec", "ms"},  {"hr", "h"},
    {"hour", "h"},  {"hours", "h"},    {"day", "d"},       {"days", "d"},   {"byte", "B"},
    {"bytes", "B"}, {"k", "KiB"},      {"ki", "KiB"},      {"m", "MiB"},    {"mi", "MiB"},
    {"g", "GiB"},   {"gi", "GiB"},     {"t", "TiB"},       {"ti", "TiB"},
};

const Unit *find_unit(std::span<const Unit> units, std::string_view name) {
  const auto at =
      std::find_if(units.begin(), units.end(), [&](const Unit &u) { return u.name == name; });
  return at == units.end() ? nullptr : &*at;
}

// The unit that was meant by a name that is none.
const Unit *guess_unit(std::span<const Unit> units, std::string_view text) {
  const size_t blanks = std::min(text.find_first_not_of(' '), text.size());
  const std::string word = lower(text.substr(blanks));
  for (const Unit &unit : units) {
    if (word == lower(unit.name)) return &unit;
  }
  for (const auto &[other, name] : kOtherNames) {
    const Unit *unit = word == other ? find_unit(units, name) : nullptr;
    if (unit) return unit;
  }
  return nullptr;
}

std::string unit_reason(std::string_view number, std::string_view unit,
                        std::span<const Unit> units) {
  if (const Unit *meant = guess_unit(units, unit)) {
    return fmt::format("write {}{}", number, meant->name);
  }
  std::string names;
  for (const Unit &known : units) {
    names += names.empty() ? "" : ", ";
    names += known.name;
  }
  if (unit.empty()) return fmt::format("a unit is missing, one of {}", names);
  return fmt::format("'{}' is no unit; the units are {}", printable(unit.substr(0, 20)), names);
}

}  // namespace

std::span<const Unit> size_units() {
  return kSizeUnits;
}
std::span<const Unit> duration_units() {
  return kDurationUnits;
}

bool read_quantity(std::string_view text, std::span<const Unit> units, double *value,
                   std::string *reason) {
  const std::string_view digits = without_sign(text);
  const size_t length = number_length(digits, false);
  const std::string_view number = digits.substr(0, length);
  const std::string_view name = digits.substr(length);
  const Unit *unit = find_unit(units, name);
  reason->clear();
  if (length == 0 || has_leading_zero(digits)) {
    *reason = number_reason(length == 0 ? text : number);
  } else if (digits.size() < text.size()) {
    *reason = "it has a sign";
  } else if (!unit) {
    *reason = unit_reason(number, name, units);
  } else if (unit->name == "B" && number.find('.') != std::string_view::npos) {
    *reason = "bytes have no fraction";
  } else if (!read_double(number, value) || !std::isfinite(*value * unit->scale)) {
    *reason = "it is too large";
  } else {
    *value *= unit->scale;
    return true;
  }
  return false;
}

std::string size_text(int64_t bytes) {
  const Unit *best = &kSizeUnits[0];
  for (const Unit &unit : kSizeUnits) {
    const auto scale = static_cast<int64_t>(unit.scale);
    const bool fits = bytes != 0 && bytes % scale == 0 && bytes / scale != 0;
    if (fits && bytes / scale <= bytes / static_cast<int64_t>(best->scale)) best = &unit;
  }
  return fmt::format("{}{}", bytes / static_cast<int64_t>(best->scale), best->name);
}

std::string duration_text(double seconds) {
  const Unit *best = find_unit(kDurationUnits, "s");
  for (const Unit &unit : kDurationUnits) {
    const double count = seconds / unit.scale;
    const bool shorter = unit.scale > best->scale || best->scale > seconds;
    if (count >= 1 && count == std::floor(count) && shorter) best = &unit;
  }
  return fmt::format("{}{}", seconds / best->scale, best->name);
}

}  // namespace flame
