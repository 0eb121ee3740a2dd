// flame.files/1: reading that notices a file that shrank, and writing that is all or nothing.
#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <optional>

#include "core/base/call_scope.h"
#include "core/base/file.h"
#include "core/base/flame_text.h"
#include "core/base/terminal.h"
#include "core/plugin/host_services.h"

struct flame_reader {
  flame::Descriptor file;
  std::string name;
  uint64_t size = 0;
};

struct flame_writer {
  flame::AtomicFile file;
  std::string name;
  bool broken = false;  // a write failed, so that it can only be discarded
};

namespace flame {
namespace {

flame_status failed(flame_call *call, const Error &error) {
  return CallScope::service_failed(call, FLAME_ERROR_STORAGE, error.text());
}

flame_status refused(flame_call *call, std::string_view text) {
  return CallScope::service_failed(call, FLAME_ERROR_INVALID_ARGUMENT, text);
}

// The path that a plugin gave, or why it is none. Options of type PATH arrive absolute; a relative
// one would depend on the current folder.
std::optional<std::string> refusal_of_path(std::string_view path) {
  if (path.empty()) return "the path of the file is empty";
  if (path.find('\0') != std::string_view::npos) return "the path of the file holds a NUL";
  if (path.front() == '/') return std::nullopt;
  return fmt::format("'{}': expected an absolute path", printable(path));
}

flame_status open_reader(void *, flame_call *call, flame_str path, flame_reader **out) noexcept {
  if (!out) return refused(call, "flame.files/1 open_reader: out is null");
  *out = nullptr;
  if (const auto refusal = refusal_of_path(text_of(path))) return refused(call, *refusal);
  const std::string name(text_of(path));
  Result<Descriptor> file = open_regular_file(name);
  if (!file.ok()) return failed(call, file.error());
  struct stat status {};
  if (fstat(file->get(), &status) != 0) {
    return failed(call,
                  storage_error(fmt::format("{}: cannot look at: {}", name, strerror(errno))));
  }
  *out = new flame_reader{std::move(*file), name, static_cast<uint64_t>(status.st_size)};
  return FLAME_OK;
}

uint64_t reader_size(flame_reader *reader) noexcept {
  return reader ? reader->size : 0;
}

flame_status read_exactly(flame_reader *reader, flame_call *call, uint64_t offset, void *into,
                          uint64_t size) noexcept {
  if (!reader || (!into && size > 0)) return refused(call, "flame.files/1 read: a null argument");
  if (offset > reader->size || size > reader->size - offset) {
    return failed(
        call, storage_error(fmt::format("{}: {} bytes at offset {} are wanted, but the file has {}",
                                        reader->name, size, offset, reader->size)));
  }
  auto *to = static_cast<char *>(into);
  while (size > 0) {
    const size_t most = std::min<uint64_t>(size, 1u << 30);
    const ssize_t count = pread(reader->file.get(), to, most, static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) {
      return failed(call, storage_error(fmt::format("{}: cannot read at offset {}: {}",
                                                    reader->name, offset, strerror(errno))));
    }
    if (count == 0) {
      return failed(call, storage_error(fmt::format(
                              "{}: has become shorter while it was read: it ends at or before "
                              "offset {}, and had {} bytes when it was opened",
                              reader->name, offset, reader->size)));
    }
    to += count;
    offset += static_cast<uint64_t>(count);
    size -= static_cast<uint64_t>(count);
  }
  return FLAME_OK;
}

void close_reader(flame_reader *reader) noexcept {
  delete reader;
}

flame_status open_writer(void *, flame_call *call, flame_str path, flame_writer **out) noexcept {
  if (!out) return refused(call, "flame.files/1 open_writer: out is null");
  *out = nullptr;
  if (const auto refusal = refusal_of_path(text_of(path))) return refused(call, *refusal);
  const std::string name(text_of(path));
  Result<AtomicFile> file = AtomicFile::create(name);
  if (!file.ok()) return failed(call, file.error());
  *out = new flame_writer{std::move(*file), name};
  return FLAME_OK;
}

flame_status write_bytes(flame_writer *writer, flame_call *call, const void *from,
                         uint64_t size) noexcept {
  if (!writer || (!from && size > 0)) return refused(call, "flame.files/1 write: a null argument");
  const Status written = writer->broken
                             ? storage_error(writer->name + ": an earlier write failed")
                             : writer->file.write({static_cast<const char *>(from), size});
  if (written.ok()) return FLAME_OK;
  writer->broken = true;
  return failed(call, written.error());
}

flame_status commit(flame_writer *writer, flame_call *call) noexcept {
  if (!writer) return refused(call, "flame.files/1 commit: writer is null");
  const std::unique_ptr<flame_writer> owned(writer);
  const Status done = writer->broken ? storage_error(writer->name + ": an earlier write failed")
                                     : writer->file.commit();
  return done.ok() ? FLAME_OK : failed(call, done.error());
}

void discard(flame_writer *writer) noexcept {
  delete writer;
}

}  // namespace

const flame_files &host_files() {
  static const flame_files table = {
      sizeof(flame_files), 0,           nullptr,     open_reader, reader_size, read_exactly,
      close_reader,        open_writer, write_bytes, commit,      discard};
  return table;
}

}  // namespace flame
