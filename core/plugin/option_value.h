// The scalars of an option, read by our own rules from text that may stand in a pipeline file.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/base/result.h"
#include "core/plugin/descriptor.h"

namespace flame {

// kInt and kSize give int64_t, kFloat and kDuration double, the rest a string or a bool.
using Scalar = std::variant<int64_t, double, bool, std::string>;

// A value that fits its spec. Unset options have no value.
struct OptionValue {
  std::string name;
  bool list = false;
  std::vector<Scalar> items;  // one unless `list`
};

// Reads one scalar. `quoted` text is never a number, true or false. The error says what was
// expected and, where the text looks like another type, why it is not taken ("'010' is not a whole
// number: write 10, numbers have no leading zeros"); its hint is empty or "did you mean 'bf16'?".
// It names no place.
Result<Scalar> parse_scalar(const OptionSpec &spec, std::string_view text, bool quoted);

// The default as the scalars that it holds as text: none if there is no default, one unless it is a
// list. They live as long as `spec`.
std::vector<std::string_view> default_items(const OptionSpec &spec);

// The value of the default; without items if there is none. Only for specs that passed
// check_component.
OptionValue default_value(const OptionSpec &spec);

// "a whole number of 1 or more", "one of a, b, c": what parse_scalar would take.
std::string expectation(const OptionSpec &spec);

}  // namespace flame
