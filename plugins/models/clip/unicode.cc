// By utf8proc, with what its version and the tokenizer to agree with (transformers with tokenizers
// 0.22 and 0.23) know differently: utf8proc 2.8 knows Unicode 15.0, that tokenizer takes categories
// and lower case from Unicode 16 and the order of marks from Unicode 9.
#include "plugins/models/clip/unicode.h"

#include <utf8proc.h>

#include <algorithm>
#include <cstddef>

#include "flame/plugin.hpp"

namespace clip {
namespace {

struct Range {
  int32_t first, last;
};

// Letters and numbers of Unicode 15.1 and 16, for a utf8proc to which they are not assigned.
constexpr Range kNewLetters[] = {
    {0x1c89, 0x1c8a},   {0xa7cb, 0xa7cd},   {0xa7da, 0xa7dc},   {0x105c0, 0x105f3},
    {0x10d4a, 0x10d65}, {0x10d6f, 0x10d85}, {0x10ec2, 0x10ec4}, {0x11380, 0x11389},
    {0x1138b, 0x1138b}, {0x1138e, 0x1138e}, {0x11390, 0x113b5}, {0x113b7, 0x113b7},
    {0x113d1, 0x113d1}, {0x113d3, 0x113d3}, {0x11bc0, 0x11be0}, {0x13460, 0x143fa},
    {0x16100, 0x1611d}, {0x16d40, 0x16d6c}, {0x18cff, 0x18cff}, {0x1e5d0, 0x1e5ed},
    {0x1e5f0, 0x1e5f0}, {0x2ebf0, 0x2ee5d}};
constexpr Range kNewNumbers[] = {{0x10d40, 0x10d49}, {0x116d0, 0x116e3}, {0x11bf0, 0x11bf9},
                                 {0x16130, 0x16139}, {0x16d70, 0x16d79}, {0x1ccf0, 0x1ccf9},
                                 {0x1e5f1, 0x1e5fa}};
// Marks of Unicode 10 to 15, which are not moved and join nothing.
constexpr Range kUnmoved[] = {
    {0x7fd, 0x7fd},     {0x898, 0x89f},     {0x8ca, 0x8d3},     {0x9fe, 0x9fe},
    {0xc3c, 0xc3c},     {0xd3b, 0xd3c},     {0xeba, 0xeba},     {0x1715, 0x1715},
    {0x1abf, 0x1ace},   {0x1df6, 0x1dfa},   {0xa82c, 0xa82c},   {0x10d24, 0x10d27},
    {0x10eab, 0x10eac}, {0x10efd, 0x10eff}, {0x10f46, 0x10f50}, {0x10f82, 0x10f85},
    {0x11070, 0x11070}, {0x1133b, 0x1133b}, {0x1145e, 0x1145e}, {0x11839, 0x1183a},
    {0x11930, 0x11930}, {0x11938, 0x11938}, {0x1193d, 0x1193e}, {0x11943, 0x11943},
    {0x119e0, 0x119e0}, {0x11a34, 0x11a34}, {0x11a47, 0x11a47}, {0x11a99, 0x11a99},
    {0x11d42, 0x11d42}, {0x11d44, 0x11d45}, {0x11d97, 0x11d97}, {0x11f41, 0x11f42},
    {0x16ff0, 0x16ff1}, {0x1e08f, 0x1e08f}, {0x1e130, 0x1e136}, {0x1e2ae, 0x1e2ae},
    {0x1e2ec, 0x1e2ef}, {0x1e4ec, 0x1e4ef}};
// The capitals among them, with how far their small letters are.
struct Lowering {
  Range capitals;
  int32_t distance;
};
constexpr Lowering kNewCapitals[] = {
    {{0x1c89, 0x1c89}, 1}, {{0xa7cb, 0xa7cb}, 0x264 - 0xa7cb}, {{0xa7cc, 0xa7cc}, 1},
    {{0xa7da, 0xa7da}, 1}, {{0xa7dc, 0xa7dc}, 0x19b - 0xa7dc}, {{0x10d50, 0x10d65}, 0x20}};
constexpr size_t kMostBytes = size_t{1} << 28;
constexpr int32_t kCapitalIWithDot = 0x130, kDotAbove = 0x307;

template <size_t Count>
bool holds(const Range (&ranges)[Count], int32_t code_point) {
  const Range *found =
      std::lower_bound(std::begin(ranges), std::end(ranges), code_point,
                       [](const Range &range, int32_t value) { return range.last < value; });
  return found != std::end(ranges) && found->first <= code_point;
}

bool is_space(int32_t c) {  // White_Space
  return (c >= 9 && c <= 13) || c == ' ' || c == 0x85 || c == 0xa0 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f || c == 0x205f ||
         c == 0x3000;
}

CodePoints decoded(std::string_view text) {
  if (text.size() > kMostBytes) {
    throw flame::invalid_argument("the text has ", text.size(), " bytes, more than the ",
                                  kMostBytes, " that are read as one");
  }
  const auto *bytes = reinterpret_cast<const utf8proc_uint8_t *>(text.data());
  CodePoints out;
  out.reserve(text.size());
  for (size_t at = 0; at < text.size();) {
    int32_t code_point = 0;
    const auto rest = static_cast<utf8proc_ssize_t>(text.size() - at);
    const utf8proc_ssize_t length = utf8proc_iterate(bytes + at, rest, &code_point);
    if (length <= 0) {
      throw flame::invalid_argument("the text is no UTF-8: byte ", at, " of ", text.size(),
                                    " begins no character; save it as UTF-8");
    }
    out.push_back(code_point);
    at += static_cast<size_t>(length);
  }
  return out;
}

// Of a part without marks that stay. utf8proc_map would sort a run of marks in quadratic time.
void append_composed(CodePoints &out, const int32_t *first, const int32_t *last) {
  constexpr utf8proc_ssize_t kMost = 8;  // a code point becomes 4 at most
  const auto combining = [](int32_t c) { return utf8proc_get_property(c)->combining_class; };
  CodePoints parts;
  for (; first != last; ++first) {
    int32_t decomposed[kMost];
    int boundary = 0;
    const utf8proc_ssize_t count =
        utf8proc_decompose_char(*first, decomposed, kMost, UTF8PROC_DECOMPOSE, &boundary);
    parts.insert(parts.end(), decomposed, decomposed + count);
  }
  for (auto run = parts.begin(); run != parts.end();) {
    const auto end = std::find_if(run, parts.end(), [&](int32_t c) { return combining(c) == 0; });
    std::stable_sort(run, end, [&](int32_t a, int32_t b) { return combining(a) < combining(b); });
    run = end == parts.end() ? end : end + 1;
  }
  const utf8proc_ssize_t count =
      utf8proc_normalize_utf32(parts.data(), static_cast<utf8proc_ssize_t>(parts.size()),
                               static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE));
  out.insert(out.end(), parts.begin(), parts.begin() + count);
}

CodePoints composed(const CodePoints &text) {
  CodePoints out;
  out.reserve(text.size());
  const int32_t *part = text.data();
  const int32_t *const end = part + text.size();
  while (part != end) {
    const int32_t *stays = std::find_if(part, end, [](int32_t c) { return holds(kUnmoved, c); });
    append_composed(out, part, stays);
    if (stays != end) out.push_back(*stays++);
    part = stays;
  }
  return out;
}

}  // namespace

CodePoints normalized(std::string_view text) {
  CodePoints out;
  for (const int32_t c : composed(decoded(text))) {
    if (c == kCapitalIWithDot) {  // the one letter whose lower case is two
      out.insert(out.end(), {'i', kDotAbove});
      continue;
    }
    int32_t lower = utf8proc_tolower(c);
    for (const auto &[capitals, distance] : kNewCapitals)
      if (lower == c && c >= capitals.first && c <= capitals.last) lower += distance;
    out.push_back(lower);
  }
  return out;
}

Kind kind_of(int32_t c) {
  if (is_space(c)) return Kind::kSpace;
  switch (utf8proc_category(c)) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
      return Kind::kLetter;
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_NO:
      return Kind::kNumber;
    case UTF8PROC_CATEGORY_CN:
      if (holds(kNewLetters, c)) return Kind::kLetter;
      return holds(kNewNumbers, c) ? Kind::kNumber : Kind::kOther;
    default:
      return Kind::kOther;
  }
}

void append_utf8(std::string &out, int32_t code_point) {
  utf8proc_uint8_t bytes[4];
  const utf8proc_ssize_t count = utf8proc_encode_char(code_point, bytes);
  out.append(reinterpret_cast<const char *>(bytes), static_cast<size_t>(count));
}

}  // namespace clip
