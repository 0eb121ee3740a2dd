#include "core/io/safetensors.h"

#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "core/base/terminal.h"

namespace flame {
namespace {

constexpr size_t kLengthBytes = 8;
// One read of Linux ends at 2^31 bytes.
constexpr size_t kMaxReadBytes = size_t{1} << 30;

// Reads all of `to`, or says why not.
Status read_at(int file, uint64_t offset, std::span<std::byte> to, std::string_view name) {
  while (!to.empty()) {
    const size_t wanted = std::min(to.size(), kMaxReadBytes);
    const ssize_t count = pread(file, to.data(), wanted, static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return storage_error(fmt::format("{}: cannot read: {}", name, strerror(errno)));
    if (count == 0) {
      return storage_error(
          fmt::format("{}: ends at byte {}, but was longer when it was opened", name, offset),
          "something else writes to the file; wait until it is done");
    }
    offset += static_cast<uint64_t>(count);
    to = to.subspan(static_cast<size_t>(count));
  }
  return {};
}

uint64_t little_endian(std::string_view bytes) {
  uint64_t number = 0;
  for (size_t i = kLengthBytes; i-- > 0;) number = number << 8 | static_cast<uint8_t>(bytes[i]);
  return number;
}

// Others that stand where a safetensors file was meant.
struct Stranger {
  std::string_view first_bytes;
  std::string_view what;
  std::string_view hint;
};
constexpr Stranger kStrangers[] = {
    {"version https://git-lfs", "a pointer of Git LFS, not the file itself",
     "fetch it with 'git lfs pull'"},
    {"GGUF", "a GGUF file", "give the model as *.safetensors"},
    {"<!DOCTYPE", "a web page", "the download went wrong: log in there, or accept its terms"},
    {"<html", "a web page", "the download went wrong: log in there, or accept its terms"},
    {"{", "text, such as JSON", "give the *.safetensors file beside it"},
};

// For a length that cannot be.
Error no_safetensors(const std::string &name, std::string_view first_bytes, uint64_t length,
                     uint64_t size) {
  for (const Stranger &stranger : kStrangers) {
    if (first_bytes.starts_with(stranger.first_bytes))
      return config_error(fmt::format("{}: this is {}", name, stranger.what),
                          std::string(stranger.hint));
  }
  if (length <= kMaxHeaderBytes) {
    return config_error(
        fmt::format("{}: its header has {} bytes, but the file only {}", name, length, size),
        "the file is cut short; get it again");
  }
  return config_error(
      fmt::format("{}: not a safetensors file: its first 8 bytes give no length of a header", name),
      "give a *.safetensors file; if it is one, it is damaged: get it again");
}

Error pickle(const std::string &name) {
  return config_error(
      fmt::format("{}: a pickle of PyTorch, which runs any code when it is read, so it is never "
                  "read here",
                  name),
      "convert it where you trust it: python -c \"import torch, safetensors.torch as s; "
      "d = torch.load('IN', weights_only=True); d = d.get('state_dict', d); "
      "s.save_file({k: v.contiguous() for k, v in d.items()}, 'OUT.safetensors')\"");
}

}  // namespace

bool is_pickle(const std::filesystem::path &path, std::string_view first_bytes) {
  // The length of a header may begin with the same bytes as a pickle does.
  if (first_bytes.size() > kLengthBytes && first_bytes[kLengthBytes] == '{') return false;
  constexpr std::array kEndings = {".ckpt", ".pt", ".pth", ".bin", ".pkl"};
  if (std::ranges::find(kEndings, path.extension().string()) != kEndings.end()) return true;
  if (first_bytes.starts_with(std::string_view("PK\x03\x04", 4))) return true;
  return first_bytes.size() > 1 && first_bytes[0] == '\x80' && first_bytes[1] >= 2 &&
         first_bytes[1] <= 5;
}

SafetensorsFile::SafetensorsFile(std::filesystem::path path, Descriptor file, uint64_t data_start,
                                 uint64_t data_bytes, SafetensorsHeader header)
    : path_(std::move(path)),
      file_(std::move(file)),
      data_start_(data_start),
      data_bytes_(data_bytes),
      header_(std::move(header)) {
  places_.reserve(header_.tensors.size());
  for (size_t i = 0; i < header_.tensors.size(); ++i) places_.emplace(header_.tensors[i].name, i);
}

Result<SafetensorsFile> SafetensorsFile::open(const std::filesystem::path &path) {
  const std::string name = printable(path.string());
  FLAME_ASSIGN(Descriptor file, open_regular_file(path));
  struct stat status {};
  if (fstat(file.get(), &status) != 0)
    return storage_error(fmt::format("{}: cannot look at: {}", name, strerror(errno)));
  const auto size = static_cast<uint64_t>(status.st_size);

  std::string first(std::min<uint64_t>(size, 32), '\0');
  FLAME_TRY(read_at(file.get(), 0, std::as_writable_bytes(std::span(first)), name));
  if (is_pickle(path, first)) return pickle(name);
  if (size < kLengthBytes) {
    return config_error(fmt::format("{}: {} bytes, too short for a safetensors file", name, size),
                        "the file is cut short; get it again");
  }
  const uint64_t length = little_endian(first);
  if (length > kMaxHeaderBytes || length > size - kLengthBytes)
    return no_safetensors(name, first, length, size);
  std::string text(length, '\0');
  FLAME_TRY(read_at(file.get(), kLengthBytes, std::as_writable_bytes(std::span(text)), name));
  const uint64_t data_start = kLengthBytes + length;
  FLAME_ASSIGN(SafetensorsHeader header, parse_safetensors_header(text, size - data_start, name));
  return SafetensorsFile(path, std::move(file), data_start, size - data_start, std::move(header));
}

const std::string *SafetensorsFile::find_metadata(std::string_view key) const {
  for (const auto &[name, text] : header_.metadata) {
    if (name == key) return &text;
  }
  return nullptr;
}

const StoredTensor *SafetensorsFile::find(std::string_view name) const {
  const auto found = places_.find(name);
  return found == places_.end() ? nullptr : &header_.tensors[found->second];
}

Status SafetensorsFile::read(const StoredTensor &tensor, uint64_t first_byte,
                             std::span<std::byte> to) const {
  return read_at(file_.get(), data_start_ + tensor.offset + first_byte, to,
                 printable(path_.string()));
}

Result<HostTensor> SafetensorsFile::read(const StoredTensor &tensor) const {
  if (!tensor.type->dtype) {
    return config_error(
        fmt::format("{}: tensor '{}' is of the type {}, which is not computed with",
                    printable(path_.string()), printable(tensor.name), tensor.type->name),
        "give a file with F32, BF16 or F16");
  }
  HostTensor made{{*tensor.type->dtype, tensor.shape}, {}};
  made.bytes.resize(static_cast<size_t>(tensor.size_bytes));
  FLAME_TRY(read(tensor, 0, made.bytes));
  return made;
}

}  // namespace flame
