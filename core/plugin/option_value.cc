// Reads the scalars of options: one strict rule a type, and a reason for every near miss.
#include "core/plugin/option_value.h"

#include <fmt/core.h>

#include <algorithm>
#include <cassert>
#include <charconv>
#include <cmath>

#include "core/base/suggest.h"
#include "core/base/terminal.h"
#include "core/base/text.h"
#include "core/plugin/number_text.h"
#include "core/plugin/quantity_text.h"

namespace flame {
namespace {

// 2^63, the first number beyond int64_t.
constexpr double kInt64Limit = 9223372036854775808.0;

// The text as it stands in a message: short, on one line.
std::string shown(std::string_view text) {
  constexpr size_t kMost = 60;
  std::string line = printable(text.substr(0, kMost));
  std::replace(line.begin(), line.end(), '\n', ' ');
  return text.size() > kMost ? line + "…" : line;
}

Error refusal(const OptionSpec &spec, std::string_view text, std::string_view reason = {},
              std::string hint = {}) {
  return config_error(fmt::format("'{}' is not {}{}{}", shown(text), expectation(spec),
                                  reason.empty() ? "" : ": ", reason),
                      std::move(hint));
}

bool in_range(const OptionSpec &spec, double value) {
  if (spec.minimum && value < *spec.minimum) return false;
  if (spec.minimum && spec.exclusive_minimum && value <= *spec.minimum) return false;
  return !spec.maximum || value <= *spec.maximum;
}

// Why a number with '.' or an exponent is no whole number.
std::string fraction_reason(double value) {
  if (value != std::floor(value) || std::fabs(value) > 1e15) return "it is no whole number";
  return fmt::format("write {}, without '.' or exponent", static_cast<int64_t>(value));
}

Result<Scalar> parse_int(const OptionSpec &spec, std::string_view text) {
  const std::string_view digits = without_sign(text);
  if (digits.empty() || count_digits(digits) != digits.size() || has_leading_zero(digits)) {
    double value = 0;
    const bool is_float = !has_leading_zero(digits) && !digits.empty() &&
                          number_length(digits, true) == digits.size() && read_double(text, &value);
    return refusal(spec, text, is_float ? fraction_reason(value) : number_reason(text));
  }
  int64_t value = 0;
  const char *begin = text.data() + (text.front() == '+' ? 1 : 0);
  if (std::from_chars(begin, text.data() + text.size(), value).ec != std::errc()) {
    return refusal(spec, text, "it does not fit into 64 bits");
  }
  if (!in_range(spec, static_cast<double>(value))) return refusal(spec, text);
  return Scalar(value);
}

Result<Scalar> parse_float(const OptionSpec &spec, std::string_view text) {
  const std::string_view digits = without_sign(text);
  const size_t length = number_length(digits, true);
  if (length == 0 || length != digits.size() || has_leading_zero(digits)) {
    return refusal(spec, text, number_reason(text));
  }
  double value = 0;
  if (!read_double(text, &value)) {
    return refusal(spec, text, "it is too large or too small for a number of 64 bits");
  }
  if (!in_range(spec, value)) return refusal(spec, text);
  return Scalar(value);
}

Result<Scalar> parse_bool(const OptionSpec &spec, std::string_view text) {
  if (text == "true") return Scalar(true);
  if (text == "false") return Scalar(false);
  const std::string word = lower(text);
  for (const std::string_view yes : {"true", "yes", "on", "y", "1", "t"}) {
    if (word == yes) return refusal(spec, text, "write true");
  }
  for (const std::string_view no : {"false", "no", "off", "n", "0", "f"}) {
    if (word == no) return refusal(spec, text, "write false");
  }
  return refusal(spec, text, {}, did_you_mean(text, {"true", "false"}));
}

Result<Scalar> parse_choice(const OptionSpec &spec, std::string_view text) {
  for (const std::string &choice : spec.choices) {
    if (text == choice) return Scalar(choice);
  }
  return refusal(spec, text, {}, did_you_mean(text, spec.choices));
}

Result<Scalar> parse_path(const OptionSpec &spec, std::string_view text) {
  if (text.empty()) return refusal(spec, text, "it is empty");
  if (text.find_first_of("\n\r") != std::string_view::npos) {
    return refusal(spec, text, "it has more than one line");
  }
  if (text == "~" || text.starts_with("~/")) {
    return refusal(spec, text, "'~' is not expanded; write the folder in full");
  }
  return Scalar(std::string(text));
}

Result<Scalar> parse_size(const OptionSpec &spec, std::string_view text, bool quoted) {
  if (!text.empty() && count_digits(text) == text.size()) {
    if (quoted) return refusal(spec, text, "quoted text is a string; write it without quotes");
    return parse_int(spec, text);
  }
  double value = 0;
  std::string reason;
  if (!read_quantity(text, size_units(), &value, &reason)) return refusal(spec, text, reason);
  const double bytes = std::nearbyint(value);
  if (bytes >= kInt64Limit) return refusal(spec, text, "it does not fit into 64 bits");
  if (!in_range(spec, bytes)) return refusal(spec, text);
  return Scalar(static_cast<int64_t>(bytes));
}

Result<Scalar> parse_duration(const OptionSpec &spec, std::string_view text) {
  double seconds = 0;
  std::string reason;
  if (!read_quantity(text, duration_units(), &seconds, &reason)) {
    return refusal(spec, text, reason);
  }
  if (!in_range(spec, seconds)) return refusal(spec, text);
  return Scalar(seconds);
}

std::string bound_text(OptionType type, double bound) {
  if (type == OptionType::kSize) return size_text(static_cast<int64_t>(bound));
  if (type == OptionType::kDuration) return duration_text(bound);
  return fmt::format("{}", bound);
}

// " of 1 or more", " above 0 and at most 1", " from 0 to 1": the range behind the noun.
std::string range_text(const OptionSpec &spec) {
  if (!spec.minimum && !spec.maximum) return {};
  const std::string least = spec.minimum ? bound_text(spec.type, *spec.minimum) : "";
  const std::string most = spec.maximum ? bound_text(spec.type, *spec.maximum) : "";
  if (!spec.maximum) {
    return spec.exclusive_minimum ? fmt::format(" above {}", least)
                                  : fmt::format(" of {} or more", least);
  }
  if (!spec.minimum) return fmt::format(" of at most {}", most);
  if (spec.exclusive_minimum) return fmt::format(" above {} and at most {}", least, most);
  return fmt::format(" from {} to {}", least, most);
}

}  // namespace

Result<Scalar> parse_scalar(const OptionSpec &spec, std::string_view text, bool quoted) {
  const bool number = spec.type == OptionType::kInt || spec.type == OptionType::kFloat;
  if (quoted && (number || spec.type == OptionType::kBool)) {
    return refusal(spec, text, "quoted text is a string; write it without quotes");
  }
  switch (spec.type) {
    case OptionType::kInt:
      return parse_int(spec, text);
    case OptionType::kFloat:
      return parse_float(spec, text);
    case OptionType::kBool:
      return parse_bool(spec, text);
    case OptionType::kString:
      return Scalar(std::string(text));
    case OptionType::kPath:
      return parse_path(spec, text);
    case OptionType::kChoice:
      return parse_choice(spec, text);
    case OptionType::kSize:
      return parse_size(spec, text, quoted);
    case OptionType::kDuration:
      return parse_duration(spec, text);
  }
  return refusal(spec, text);
}

std::vector<std::string_view> default_items(const OptionSpec &spec) {
  std::vector<std::string_view> items;
  if (!spec.default_text) return items;
  std::string_view rest = *spec.default_text;
  if (!spec.list) return {rest};
  while (!rest.empty()) {
    const size_t comma = rest.find(", ");
    items.push_back(rest.substr(0, comma));
    rest = comma == std::string_view::npos ? std::string_view() : rest.substr(comma + 2);
  }
  return items;
}

OptionValue default_value(const OptionSpec &spec) {
  OptionValue value{spec.name, spec.list, {}};
  for (const std::string_view item : default_items(spec)) {
    Result<Scalar> scalar = parse_scalar(spec, item, false);
    assert(scalar.ok());
    if (scalar.ok()) value.items.push_back(std::move(scalar).value());
  }
  return value;
}

std::string expectation(const OptionSpec &spec) {
  const std::string unit = spec.unit.empty() ? "" : fmt::format(" ({})", spec.unit);
  switch (spec.type) {
    case OptionType::kInt:
      if (spec.minimum && spec.minimum == spec.maximum) return fmt::format("{}", *spec.minimum);
      return "a whole number" + range_text(spec) + unit;
    case OptionType::kFloat:
      return "a number" + range_text(spec) + unit;
    case OptionType::kBool:
      return "true or false";
    case OptionType::kString:
      return "a text";
    case OptionType::kPath:
      return "a path";
    case OptionType::kChoice:
      return (spec.choices.size() == 1 ? "" : "one of ") + join(spec.choices, ", ");
    case OptionType::kSize:
      return "a size such as 22GiB" + (range_text(spec).empty() ? "" : "," + range_text(spec));
    case OptionType::kDuration:
      return "a time such as 90s or 5min" +
             (range_text(spec).empty() ? "" : "," + range_text(spec));
  }
  return "a value";
}

}  // namespace flame
