#include "plugins/data/image_folder/folder.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "flame/files.hpp"
#include "flame/log.hpp"
#include "plugins/data/image_folder/content_hash.h"
#include "plugins/data/image_folder/utf8.h"

namespace image_folder {
namespace {

constexpr int kMostDepth = 32;
constexpr uint64_t kMostBytes = uint64_t{1} << 30;  // of one picture file
constexpr uint64_t kMostIndexBytes = uint64_t{1} << 30;
// How many new hashes are worth another writing of the index.
constexpr size_t kSaveEvery = 1000;

int64_t modified_ns(const struct stat &status) {
  return int64_t{status.st_mtim.tv_sec} * 1'000'000'000 + status.st_mtim.tv_nsec;
}

// Closes what it holds.
struct File {
  int descriptor = -1;
  explicit File(const std::string &path)
      : descriptor(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)) {}
  ~File() {
    if (descriptor >= 0) close(descriptor);
  }
  File(const File &) = delete;
  File &operator=(const File &) = delete;
};

// The bytes of a file, read in pieces of a few kilobytes as a header's parser asks for them.
class FileBytes : public ByteSource {
 public:
  explicit FileBytes(int descriptor) : descriptor_(descriptor) {}

  size_t read(uint64_t offset, void *into, size_t size) override {
    const bool held = offset >= start_ && offset + size <= start_ + held_;
    if (!held && size <= buffer_.size()) {
      start_ = offset;
      held_ = read_at(offset, buffer_.data(), buffer_.size());
    }
    if (size > buffer_.size()) return read_at(offset, static_cast<char *>(into), size);
    const size_t skipped = static_cast<size_t>(offset - start_);
    const size_t count = std::min(size, held_ - std::min(held_, skipped));
    std::memcpy(into, buffer_.data() + skipped, count);
    return count;
  }

 private:
  size_t read_at(uint64_t offset, char *into, size_t size) const {
    size_t done = 0;
    while (done < size && offset + done <= INT64_MAX) {
      const ssize_t count =
          pread(descriptor_, into + done, size - done, static_cast<off_t>(offset + done));
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) throw flame::storage_error("it cannot be read: ", strerror(errno));
      if (count == 0) break;
      done += static_cast<size_t>(count);
    }
    return done;
  }

  int descriptor_;
  std::array<char, 4096> buffer_;
  uint64_t start_ = 0;
  size_t held_ = 0;
};

std::string lower(std::string_view text) {
  std::string out(text);
  for (char &c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

std::string ending_of(std::string_view name) {
  const size_t slash = name.rfind('/') + 1;  // 0 if there is none
  const size_t dot = name.rfind('.');
  return dot == name.npos || dot <= slash ? std::string() : lower(name.substr(dot));
}

// Files whose user takes them for pictures: what is wrong with one is told.
bool is_picture_name(std::string_view name) {
  constexpr std::string_view kEndings[] = {".png", ".jpg",  ".jpeg", ".webp", ".gif",  ".bmp",
                                           ".tif", ".tiff", ".avif", ".heic", ".heif", ".jxl",
                                           ".tga", ".psd",  ".jfif", ".exr",  ".dds",  ".jp2"};
  const std::string ending = ending_of(name);
  return std::find(std::begin(kEndings), std::end(kEndings), ending) != std::end(kEndings);
}

// Files that lie beside pictures and are never opened as one.
bool is_companion(std::string_view name) {
  constexpr std::string_view kEndings[] = {".txt", ".caption", ".json", ".jsonl", ".csv",
                                           ".npz", ".yaml",    ".toml", ".md",    ".safetensors"};
  const std::string ending = ending_of(name);
  return std::find(std::begin(kEndings), std::end(kEndings), ending) != std::end(kEndings);
}

std::string read_index_file(const std::string &path) {
  if (path.empty() || access(path.c_str(), R_OK) != 0) return {};
  try {
    return flame::Reader(path).read_all(kMostIndexBytes);
  } catch (const std::exception &error) {
    flame::log_warning("the index of pictures cannot be read, so they are looked at anew: ",
                       error.what());
    return {};
  }
}

}  // namespace

std::string_view stem_of(std::string_view name) {
  const size_t dot = name.rfind('.');
  const size_t slash = name.rfind('/');
  if (dot == name.npos || (slash != name.npos && dot < slash)) return name;
  return name.substr(0, dot);
}

std::string shown(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  const bool sound = is_utf8(text);
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= ' ' && byte != 0x7f && (byte < 0x80 || sound)) {
      out += c;
    } else {
      out += flame::text("\\x", kDigits[byte >> 4], kDigits[byte & 15]);
    }
  }
  return out;
}

Folder::Folder(std::string path, bool with_subfolders, const std::string &cache)
    : path_(std::move(path)), with_subfolders_(with_subfolders) {
  while (path_.size() > 1 && path_.back() == '/') path_.pop_back();
  index_file_ = index_path(path_, cache);
  const std::string text = read_index_file(index_file_);
  const FactsByName known = text.empty() ? FactsByName() : read_index(text);
  list("", known, 0);
  if (known.size() != facts_.size()) ++unsaved_;
  save();
}

void Folder::leave_out(const std::string &name, std::string reason) {
  left_out_.push_back({shown(path_of(name)), std::move(reason)});
}

void Folder::list(const std::string &below, const FactsByName &known, int depth) {
  const std::string place = below.empty() ? path_ : path_of(below);
  DIR *folder = opendir(place.c_str());
  if (!folder) {
    const int reason = errno;
    if (depth > 0)
      return leave_out(below, flame::text("the folder cannot be listed: ", strerror(reason)));
    throw flame::storage_error("the folder ", shown(place), " cannot be listed: ", strerror(reason),
                               "; correct the path of the data");
  }
  std::vector<std::string> names;
  while (const dirent *entry = readdir(folder)) {
    if (entry->d_name[0] != '.') names.emplace_back(entry->d_name);
  }
  closedir(folder);
  std::sort(names.begin(), names.end());  // a folder has no order of its own
  for (const std::string &plain : names) {
    const std::string name = below.empty() ? plain : below + "/" + plain;
    struct stat status {};
    // Links to files are followed, as collections of them are common; links to folders could lead
    // back here.
    const bool is_there = stat(path_of(name).c_str(), &status) == 0;
    if (is_there && S_ISREG(status.st_mode)) {
      files_.insert(name);
      look_at(name, static_cast<uint64_t>(status.st_size), modified_ns(status), known);
    } else if (is_there && S_ISDIR(status.st_mode)) {
      struct stat link {};
      const bool real = lstat(path_of(name).c_str(), &link) == 0 && S_ISDIR(link.st_mode);
      if (with_subfolders_ && real && depth < kMostDepth) list(name, known, depth + 1);
    } else if (is_picture_name(name)) {
      leave_out(name, is_there ? "it is no regular file"
                               : flame::text("it cannot be opened: ", strerror(errno)));
    }
  }
}

void Folder::look_at(const std::string &name, uint64_t size, int64_t modified,
                     const FactsByName &known) {
  if (is_companion(name)) return;
  if (!is_utf8(name)) return leave_out(name, "its name is no UTF-8; rename it");
  const auto old = known.find(name);
  FileFacts facts;
  if (old != known.end() && old->second.size == size && old->second.modified_ns == modified) {
    facts = old->second;
  } else {
    facts.size = size;
    facts.modified_ns = modified;
    const File file(path_of(name));
    ++opened_, ++unsaved_;
    try {
      if (file.descriptor < 0) throw flame::storage_error("it cannot be opened: ", strerror(errno));
      FileBytes bytes(file.descriptor);
      char first[16];
      const std::string_view beginning(first, bytes.read(0, first, sizeof first));
      facts.ignored = !is_known_format(beginning) && !is_picture_name(name);
      if (!facts.ignored) facts.header = read_picture_header(bytes);
      if (size > kMostBytes) throw flame::storage_error("it is larger than 1 GiB");
    } catch (const flame::Error &error) {
      facts.problem = error.what();
    }
  }
  if (!facts.problem.empty()) leave_out(name, facts.problem);
  facts_.emplace(name, std::move(facts));
}

const FileFacts *Folder::picture(const std::string &name) const {
  const auto at = facts_.find(name);
  const bool is_one = at != facts_.end() && !at->second.ignored && at->second.problem.empty();
  return is_one ? &at->second : nullptr;
}

std::string Folder::read(const std::string &name) const {
  const FileFacts &facts = facts_.at(name);
  const std::string path = path_of(name);
  const File file(path);
  struct stat status {};
  if (file.descriptor < 0 || fstat(file.descriptor, &status) != 0)
    throw flame::storage_error(path, ": it cannot be opened: ", strerror(errno));
  if (!S_ISREG(status.st_mode) || static_cast<uint64_t>(status.st_size) != facts.size ||
      modified_ns(status) != facts.modified_ns)
    throw flame::storage_error(path, ": it has changed since the run began; start the run again");
  std::string content(static_cast<size_t>(facts.size), '\0');
  size_t done = 0;
  while (done < content.size()) {
    const ssize_t count = ::read(file.descriptor, content.data() + done, content.size() - done);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0)
      throw flame::storage_error(
          path, ": it cannot be read: ", count < 0 ? strerror(errno) : "it has become shorter");
    done += static_cast<size_t>(count);
  }
  return content;
}

const std::string &Folder::sha256(const std::string &name) {
  FileFacts &facts = facts_.at(name);
  if (facts.sha256.empty()) {
    facts.sha256 = sha256_of(read(name));
    if (++unsaved_ >= std::max(kSaveEvery, facts_.size() / 4)) save();
  }
  return facts.sha256;
}

void Folder::save() {
  if (unsaved_ == 0 || index_file_.empty()) return;
  unsaved_ = 0;
  try {
    flame::Writer writer(index_file_);
    writer.write(write_index(facts_));
    writer.commit();
  } catch (const std::exception &error) {
    flame::log_warning("the index of the pictures of ", path_,
                       " cannot be kept, so the next start "
                       "looks at them anew: ",
                       error.what());
    index_file_.clear();
  }
}

}  // namespace image_folder
