// Files, opened and written so that neither a trap nor a crash leaves half a result.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>

#include "core/base/result.h"

namespace flame {

// Owns a file descriptor and closes it.
class Descriptor {
 public:
  explicit Descriptor(int value = -1) : value_(value) {}
  ~Descriptor() { reset(); }
  Descriptor(Descriptor &&other) noexcept : value_(std::exchange(other.value_, -1)) {}
  Descriptor &operator=(Descriptor &&other) noexcept {
    if (this != &other) reset(std::exchange(other.value_, -1));
    return *this;
  }
  int get() const { return value_; }
  explicit operator bool() const { return value_ >= 0; }
  void reset(int value = -1);

 private:
  int value_;
};

// "PATH: cannot DOING: reason of `code`", an errno, and what to do if the disk is full or read-only.
Error file_error(const std::filesystem::path &path, std::string_view doing, int code);

// Opens for reading. A folder, device, socket or FIFO is refused without waiting on it.
Result<Descriptor> open_regular_file(const std::filesystem::path &path);

// The whole content; a file over `max_bytes` is refused before it is read.
Result<std::string> read_file(const std::filesystem::path &path, size_t max_bytes = 64u << 20);

// Whether commit() waits for the disk. What can be made again, as in a cache whose entries are
// checked when they are read, need not wait.
enum class Flush {
  kNow,
  kLater
};

// A file that gets its name only when it is whole: written without a name in the folder of `path`,
// fsynced and named by commit(). Destroyed before that, it leaves nothing behind; nor does a process
// that is killed, where the file system has files without names (else a temporary one is left).
class AtomicFile {
 public:
  // Missing folders are made.
  static Result<AtomicFile> create(const std::filesystem::path &path);
  ~AtomicFile();
  AtomicFile(AtomicFile &&other) noexcept;
  AtomicFile &operator=(AtomicFile &&) = delete;

  Status write(std::string_view bytes);
  // Afterwards `path` holds all that was written, flushed to the disk; on error, what it held
  // before. Called once.
  Status commit(Flush flush = Flush::kNow);

 private:
  AtomicFile(std::filesystem::path path, std::string temporary, Descriptor file);
  Status name_it();

  std::filesystem::path path_;
  std::string temporary_;  // its name for now; empty while it has none, and once it has its own
  Descriptor file_;
};

// Gives a whole file another name in the same folder, in the place of what has it, and flushes the
// folder. On error before that, `from` is removed and `to` is as it was.
Status rename_file(const std::filesystem::path &from, const std::filesystem::path &to,
                   Flush flush = Flush::kNow);
// What was made, renamed or removed in this folder lasts from here on, whatever happens to the
// machine.
Status flush_folder(const std::filesystem::path &folder);

// All of `content` through an AtomicFile.
Status write_file_atomically(const std::filesystem::path &path, std::string_view content);

}  // namespace flame
