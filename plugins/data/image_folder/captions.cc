// The one file that sees the headers of nlohmann's JSON.
#include "plugins/data/image_folder/captions.h"

#include <nlohmann/json.hpp>
#include <vector>

#include "flame/files.hpp"
#include "plugins/data/image_folder/caption_text.h"
#include "plugins/data/image_folder/utf8.h"

namespace image_folder {
namespace {

constexpr uint64_t kMostCaptionBytes = 64 << 10;
constexpr uint64_t kMostTableBytes = 256 << 20;
constexpr size_t kMostColumns = 1000;

[[noreturn]] void fail_at(const std::string &path, size_t line, std::string_view what) {
  throw flame::storage_error(path, ":", line, ": ", what);
}

std::string_view without_mark(std::string_view text) {
  constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
  if (text.substr(0, 3) == kByteOrderMark) text.remove_prefix(3);
  return text;
}

// What the columns are called by others.
bool is_name_column(std::string_view name) {
  return name == "file_name" || name == "filename" || name == "file" || name == "image" ||
         name == "path";
}
bool is_text_column(std::string_view name) {
  return name == "text" || name == "caption" || name == "prompt";
}

std::string checked_text(std::string_view text, const std::string &path) {
  if (!is_utf8(text)) throw flame::storage_error(path, ": the text is no UTF-8; save it as UTF-8");
  return std::string(without_mark(text));
}

// The next row of a CSV text (RFC 4180); `line` counts on.
std::vector<std::string> next_row(std::string_view &text, const std::string &path, size_t &line) {
  std::vector<std::string> row(1);
  bool quoted = false;
  const size_t first_line = line;
  size_t at = 0;
  for (; at < text.size(); ++at) {
    const char c = text[at];
    if (c == '\n') ++line;
    if (quoted) {
      if (c != '"') {
        row.back() += c;
      } else if (at + 1 < text.size() && text[at + 1] == '"') {
        row.back() += '"', ++at;
      } else {
        quoted = false;
      }
    } else if (c == '"' && row.back().empty()) {
      quoted = true;
    } else if (c == ',') {
      if (row.size() == kMostColumns) fail_at(path, line, "too many columns");
      row.emplace_back();
    } else if (c == '\n') {
      break;
    } else if (c != '\r') {
      row.back() += c;
    }
  }
  if (quoted) fail_at(path, first_line, "a quote that opens here is never closed");
  text.remove_prefix(std::min(at + 1, text.size()));
  return row;
}

CaptionTable read_table(const Folder &folder) {
  for (const char *name : {"metadata.jsonl", "metadata.csv"}) {
    if (!folder.has_file(name)) continue;
    const std::string path = folder.path_of(name);
    const std::string text = checked_text(flame::Reader(path).read_all(kMostTableBytes), path);
    return std::string_view(name) == "metadata.csv" ? parse_csv(text, path)
                                                    : parse_jsonl(text, path);
  }
  return {};
}

}  // namespace

CaptionTable parse_jsonl(std::string_view text, const std::string &path) {
  CaptionTable table;
  for (size_t line = 1; !text.empty(); ++line) {
    const size_t end = std::min(text.find('\n'), text.size());
    const std::string_view row = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (row.find_first_not_of(" \t\r") == row.npos) continue;
    const auto value = nlohmann::json::parse(row, nullptr, /*allow_exceptions=*/false);
    if (!value.is_object()) fail_at(path, line, "no JSON object");
    std::string name, caption;
    bool found = false;
    for (const auto &[key, field] : value.items()) {
      if (is_name_column(key) && field.is_string()) name = field.get<std::string>();
      if (is_text_column(key) && field.is_string()) {
        caption = field.get<std::string>();
        found = true;
      }
    }
    if (name.empty())
      fail_at(path, line, "no 'file_name'; expected {\"file_name\": \"a.png\", \"text\": \"…\"}");
    if (found) table.emplace(std::move(name), tidy(caption));
  }
  return table;
}

CaptionTable parse_csv(std::string_view text, const std::string &path) {
  CaptionTable table;
  size_t line = 1;
  const std::vector<std::string> head = next_row(text, path, line);
  size_t name_at = head.size(), text_at = head.size();
  for (size_t i = head.size(); i-- > 0;) {
    if (is_name_column(head[i])) name_at = i;
    if (is_text_column(head[i])) text_at = i;
  }
  if (name_at == head.size() || text_at == head.size())
    fail_at(path, 1, "the first line must name the columns 'file_name' and 'text'");
  while (!text.empty()) {
    const size_t at_line = line;
    const std::vector<std::string> row = next_row(text, path, line);
    if (row.size() == 1 && row[0].empty()) continue;
    if (row.size() != head.size())
      fail_at(path, at_line, flame::text(row.size(), " columns, the first line has ", head.size()));
    table.emplace(row[name_at], tidy(row[text_at]));
  }
  return table;
}

Captions::Captions(const Folder &folder, CaptionSource source, std::string ending)
    : folder_(folder), source_(source), ending_(std::move(ending)) {
  if (source == CaptionSource::kAuto || source == CaptionSource::kMetadata)
    table_ = read_table(folder);
}

std::optional<std::string> Captions::of(const std::string &picture) const {
  if (source_ == CaptionSource::kNone) return std::string();
  const std::string_view stem = stem_of(picture);
  if (source_ == CaptionSource::kNames) {
    const size_t slash = stem.rfind('/');
    return std::string(slash == stem.npos ? stem : stem.substr(slash + 1));
  }
  const std::string beside = std::string(stem) + ending_;
  if (source_ != CaptionSource::kMetadata && folder_.has_file(beside)) {
    const std::string path = folder_.path_of(beside);
    return tidy(checked_text(flame::Reader(path).read_all(kMostCaptionBytes), path));
  }
  const auto at = table_.find(picture);
  if (at == table_.end()) return std::nullopt;
  return at->second;
}

}  // namespace image_folder
