// flame.files/1 that writes to memory, keeps the books, and can run out of room.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "flame/host.h"

namespace flame {

class CheckedFiles {
 public:
  CheckedFiles();
  CheckedFiles(const CheckedFiles &) = delete;
  CheckedFiles &operator=(const CheckedFiles &) = delete;

  const flame_files *get() const { return &table_; }
  // The write with this number (0 is the first) and every later one fails with STORAGE.
  void fail_from(uint64_t write) { fail_from_ = write; }

  const std::map<std::string, std::string> &committed() const { return committed_; }
  uint64_t opened() const { return opened_; }
  // Writers that were neither committed nor discarded, and readers that were not closed.
  uint64_t open() const { return open_; }
  uint64_t writes() const { return writes_; }

 private:
  static CheckedFiles &of(void *self) { return *static_cast<CheckedFiles *>(self); }
  static flame_status open_reader(void *, flame_call *, flame_str, flame_reader **) noexcept;
  static uint64_t size(flame_reader *) noexcept;
  static flame_status read(flame_reader *, flame_call *, uint64_t, void *, uint64_t) noexcept;
  static void close_reader(flame_reader *) noexcept;
  static flame_status open_writer(void *, flame_call *, flame_str, flame_writer **) noexcept;
  static flame_status write(flame_writer *, flame_call *, const void *, uint64_t) noexcept;
  static flame_status commit(flame_writer *, flame_call *) noexcept;
  static void discard(flame_writer *) noexcept;

  flame_files table_;
  uint64_t fail_from_ = UINT64_MAX;
  uint64_t opened_ = 0, open_ = 0, writes_ = 0;
  std::map<std::string, std::string> committed_;
};

}  // namespace flame
