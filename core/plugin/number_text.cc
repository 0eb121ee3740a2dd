#include "core/plugin/number_text.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <optional>

#include "core/base/terminal.h"

namespace flame {
namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

std::string without_leading_zeros(std::string_view text) {
  const std::string_view digits = without_sign(text);
  size_t zeros = 0;
  while (zeros + 1 < digits.size() && digits[zeros] == '0' && is_digit(digits[zeros + 1])) ++zeros;
  return std::string(text.substr(0, text.size() - digits.size())) +
         std::string(digits.substr(zeros));
}

// "0x1f" as decimal text; nothing if it is no number in another base.
std::optional<std::string> in_decimal(std::string_view text) {
  const std::string digits = lower(without_sign(text));
  if (digits.size() < 3 || digits[0] != '0') return std::nullopt;
  const int base = digits[1] == 'x' ? 16 : digits[1] == 'o' ? 8 : digits[1] == 'b' ? 2 : 0;
  if (base == 0) return std::nullopt;
  uint64_t value = 0;
  const char *end = digits.data() + digits.size();
  const auto read = std::from_chars(digits.data() + 2, end, value, base);
  if (read.ec != std::errc() || read.ptr != end) return std::nullopt;
  return fmt::format("{}{}", text.front() == '-' ? "-" : "", value);
}

bool is_not_finite_word(std::string_view text) {
  const std::string word = lower(without_sign(text));
  return word == "inf" || word == ".inf" || word == "infinity" || word == "nan" || word == ".nan";
}

}  // namespace

std::string lower(std::string_view text) {
  std::string out(text);
  for (char &c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

size_t count_digits(std::string_view text) {
  size_t count = 0;
  while (count < text.size() && is_digit(text[count])) ++count;
  return count;
}

size_t number_length(std::string_view text, bool exponent) {
  size_t at = count_digits(text);
  size_t digits = at;
  if (at < text.size() && text[at] == '.') {
    const size_t fraction = count_digits(text.substr(at + 1));
    digits += fraction;
    at += 1 + fraction;
  }
  if (digits == 0) return 0;
  if (exponent && at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
    size_t behind = at + 1;
    if (behind < text.size() && (text[behind] == '+' || text[behind] == '-')) ++behind;
    const size_t count = count_digits(text.substr(behind));
    if (count > 0) at = behind + count;
  }
  return at;
}

std::string_view without_sign(std::string_view text) {
  if (!text.empty() && (text.front() == '-' || text.front() == '+')) text.remove_prefix(1);
  return text;
}

bool has_leading_zero(std::string_view unsigned_number) {
  return unsigned_number.size() > 1 && unsigned_number[0] == '0' && is_digit(unsigned_number[1]);
}

bool read_double(std::string_view number, double *value) {
  if (number.starts_with('+')) number.remove_prefix(1);  // std::from_chars takes none
  return std::from_chars(number.data(), number.data() + number.size(), *value).ec == std::errc();
}

std::string number_reason(std::string_view text) {
  const std::string_view digits = without_sign(text);
  if (const auto decimal = in_decimal(text)) {
    return fmt::format("write {}, numbers are decimal", *decimal);
  }
  if (is_not_finite_word(text)) return "numbers are finite";
  if (has_leading_zero(digits) && number_length(digits, true) == digits.size()) {
    return fmt::format("write {}, numbers have no leading zeros", without_leading_zeros(text));
  }
  std::string plain(text);
  plain.erase(std::remove_if(plain.begin(), plain.end(), [](char c) { return c == '_'; }),
              plain.end());
  if (plain.size() < text.size() && number_length(without_sign(plain), true) > 0 &&
      number_length(without_sign(plain), true) == without_sign(plain).size()) {
    return fmt::format("write {}, without '_'", plain);
  }
  const size_t length = number_length(digits, true);
  if (length > 0 && length < digits.size() && digits[length] == ',') {
    return "write it with '.' for the fraction and no other separator";
  }
  if (length > 0 && length < digits.size()) {
    return fmt::format("write the number alone, without '{}'",
                       printable(digits.substr(length, 20)));
  }
  return {};
}

}  // namespace flame
