// Files that the user named in an option of type PATH, through the host.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "flame/host.hpp"

namespace flame {
inline namespace sdk {
namespace detail {

inline const flame_files &files() {
  if (!globals.files) {
    throw unsupported("this host does not offer ", FLAME_FILES_ID, ": use a newer flamehost");
  }
  return *globals.files;
}

}  // namespace detail

// An open file. One thread at a time.
class Reader {
 public:
  explicit Reader(std::string_view path) : files_(detail::files()) {
    detail::HostCall call;
    call.check(files_.open_reader(files_.self, call.get(), borrow(path), &reader_));
  }
  ~Reader() { files_.close_reader(reader_); }
  Reader(const Reader &) = delete;
  Reader &operator=(const Reader &) = delete;

  // In bytes, when it was opened.
  uint64_t size() const { return files_.size(reader_); }

  // Reads exactly `size` bytes from `offset`.
  void read(uint64_t offset, void *into, uint64_t size) {
    detail::HostCall call;
    call.check(files_.read(reader_, call.get(), offset, into, size));
  }

  // The whole file, if it is no larger than `limit` bytes: files are hostile until checked.
  std::string read_all(uint64_t limit) {
    if (size() > limit) {
      throw storage_error("the file has ", size(), " bytes, more than the ", limit,
                          " that this reader takes");
    }
    std::string content(static_cast<size_t>(size()), '\0');
    if (!content.empty()) read(0, content.data(), content.size());
    return content;
  }

 private:
  const flame_files &files_;
  flame_reader *reader_ = nullptr;
};

// A file that appears whole when it is committed, and never otherwise. One thread at a time.
class Writer {
 public:
  explicit Writer(std::string_view path) : files_(detail::files()) {
    detail::HostCall call;
    call.check(files_.open_writer(files_.self, call.get(), borrow(path), &writer_));
  }
  ~Writer() {
    if (writer_) files_.discard(writer_);
  }
  Writer(const Writer &) = delete;
  Writer &operator=(const Writer &) = delete;

  void write(const void *from, uint64_t size) {
    detail::HostCall call;
    call.check(files_.write(writer_, call.get(), from, size));
  }
  void write(std::string_view bytes) { write(bytes.data(), bytes.size()); }

  // Gives the file its name. Nothing may be written after it.
  void commit() {
    flame_writer *writer = writer_;
    writer_ = nullptr;  // commit destroys it, also on error
    detail::HostCall call;
    call.check(files_.commit(writer, call.get()));
  }

 private:
  const flame_files &files_;
  flame_writer *writer_ = nullptr;
};

}  // namespace sdk
}  // namespace flame
