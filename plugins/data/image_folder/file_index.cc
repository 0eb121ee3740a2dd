#include "plugins/data/image_folder/file_index.h"

#include <charconv>
#include <cstdlib>
#include <vector>

#include "flame/error.hpp"
#include "plugins/data/image_folder/content_hash.h"

namespace image_folder {
namespace {

// Raised whenever a header is understood in another way than before.
constexpr std::string_view kTitle = "flamehost picture index 1\n";
constexpr size_t kColumns = 10;

// One word without tabs and line ends; never empty.
std::string word(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out = ".";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte > ' ' && byte != '%' && byte != 0x7f) {
      out += c;
      continue;
    }
    out += '%';
    out += kDigits[byte >> 4];
    out += kDigits[byte & 15];
  }
  return out;
}

bool unword(std::string_view text, std::string &out) {
  if (text.empty() || text[0] != '.') return false;
  for (size_t i = 1; i < text.size(); ++i) {
    unsigned value = 0;
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    if (i + 2 >= text.size()) return false;
    const char *end = text.data() + i + 3;
    if (std::from_chars(text.data() + i + 1, end, value, 16).ptr != end) return false;
    out += static_cast<char>(value);
    i += 2;
  }
  return true;
}

template <typename Number>
bool number(std::string_view text, Number &out) {
  const char *end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, out);
  return error == std::errc() && at == end;
}

std::vector<std::string_view> split(std::string_view text, char mark) {
  std::vector<std::string_view> parts;
  for (;;) {
    const size_t at = text.find(mark);
    parts.push_back(text.substr(0, at));
    if (at == text.npos) return parts;
    text.remove_prefix(at + 1);
  }
}

bool read_line(std::string_view line, FactsByName &into) {
  const auto columns = split(line, '\t');
  if (columns.size() != kColumns) return false;
  FileFacts facts;
  std::string name;
  unsigned format = 0, orientation = 0, flags = 0;
  const bool sound = unword(columns[0], name) && number(columns[1], facts.size) &&
                     number(columns[2], facts.modified_ns) && number(columns[3], format) &&
                     number(columns[4], facts.header.width) &&
                     number(columns[5], facts.header.height) && number(columns[6], orientation) &&
                     number(columns[7], flags) && unword(columns[8], facts.problem) &&
                     !name.empty() && format <= 3 && orientation >= 1 && orientation <= 8;
  const auto rest = split(columns[9], ' ');
  if (!sound || rest.size() != 2 || !unword(rest[0], facts.header.profile) ||
      !unword(rest[1], facts.sha256))
    return false;
  facts.header.format = static_cast<Format>(format);
  facts.header.orientation = static_cast<uint8_t>(orientation);
  facts.header.alpha = flags & 1;
  facts.header.cmyk = flags & 2;
  facts.header.deep = flags & 4;
  facts.ignored = flags & 8;
  into.emplace(std::move(name), std::move(facts));
  return true;
}

}  // namespace

std::string write_index(const FactsByName &facts) {
  std::string out(kTitle);
  for (const auto &[name, file] : facts) {
    const PictureHeader &header = file.header;
    const unsigned flags = (header.alpha ? 1u : 0u) | (header.cmyk ? 2u : 0u) |
                           (header.deep ? 4u : 0u) | (file.ignored ? 8u : 0u);
    out +=
        flame::text(word(name), '\t', file.size, '\t', file.modified_ns, '\t',
                    static_cast<unsigned>(header.format), '\t', header.width, '\t', header.height,
                    '\t', static_cast<unsigned>(header.orientation), '\t', flags, '\t',
                    word(file.problem), '\t', word(header.profile), ' ', word(file.sha256), '\n');
  }
  return out + "sha256 " + sha256_of(out) + "\n";
}

FactsByName read_index(std::string_view text) {
  if (text.substr(0, kTitle.size()) != kTitle || text.back() != '\n') return {};
  const size_t last = text.rfind('\n', text.size() - 2) + 1;
  const std::string_view body = text.substr(0, last);
  if (text.substr(last) != "sha256 " + sha256_of(body) + "\n") return {};
  FactsByName facts;
  std::string_view lines = body.substr(kTitle.size());
  while (!lines.empty()) {
    const size_t end = lines.find('\n');
    if (!read_line(lines.substr(0, end), facts)) return {};
    lines.remove_prefix(end + 1);
  }
  return facts;
}

std::string index_path(const std::string &folder, const std::string &cache) {
  std::string place = cache;
  const char *given = std::getenv("XDG_CACHE_HOME");
  const char *home = std::getenv("HOME");
  if (place.empty() && given && *given == '/') place = flame::text(given, "/flamehost/pictures");
  if (place.empty() && home && *home == '/')
    place = flame::text(home, "/.cache/flamehost/pictures");
  if (place.empty()) return {};
  return flame::text(place, "/", sha256_of(folder).substr(0, 32), ".index");
}

}  // namespace image_folder
