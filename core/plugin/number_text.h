// Numbers as people write them: which part of a text is a decimal number, and why one that looks
// like a number is none.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace flame {

// How many bytes at the start of `text` are digits, and how many are a decimal number without a
// sign (0 if it has no digit). Leading zeros count; has_leading_zero() tells.
size_t count_digits(std::string_view text);
size_t number_length(std::string_view text, bool exponent);

std::string_view without_sign(std::string_view text);
bool has_leading_zero(std::string_view unsigned_number);

// The double of a decimal number that may have a sign. False if it has none of 64 bits.
bool read_double(std::string_view number, double *value);

// Why `text` is taken for no number, and what to write: "write 10, numbers have no leading zeros".
// Empty if it does not look like a number.
std::string number_reason(std::string_view text);

// ASCII letters in lower case.
std::string lower(std::string_view text);

}  // namespace flame
