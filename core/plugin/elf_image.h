// An ELF library as a file: its headers, checked, and its tables, found by the addresses they would
// have once loaded. Nothing in the file is believed before it is checked.
#pragma once

#include <elf.h>

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "core/base/result.h"

namespace flame {

class ElfImage {
 public:
  // Reads from an open descriptor with pread; it and `name`, what the file is called in errors,
  // outlive the image. Fails on what is no shared library of this machine, and on headers that are
  // damaged or point outside the file.
  static Result<ElfImage> open(int descriptor, std::string_view name);

  // The entries of the dynamic section before its end.
  Result<std::vector<Elf64_Dyn>> dynamic_section() const;

  // The table at an address of the loaded image; nothing if it is not whole in the file.
  template <typename T>
  std::optional<std::vector<T>> table_at(uint64_t address, uint64_t count) const {
    if (count > size_ / sizeof(T)) return std::nullopt;
    const std::optional<uint64_t> offset = offset_of(address, count * sizeof(T));
    return offset ? table<T>(*offset, count) : std::nullopt;
  }

  // What is wrong with the file, with its name in front.
  Error error(std::string_view problem) const;
  Error damaged(std::string_view what) const;

 private:
  ElfImage(int descriptor, std::string_view name) : descriptor_(descriptor), name_(name) {}

  Error cut_short(std::string_view what) const;
  bool holds(uint64_t offset, uint64_t bytes) const {
    return offset <= size_ && bytes <= size_ - offset;
  }
  bool read(uint64_t offset, void *into, uint64_t bytes) const;
  template <typename T>
  std::optional<std::vector<T>> table(uint64_t offset, uint64_t count) const {
    if (count > size_ / sizeof(T) || !holds(offset, count * sizeof(T))) return std::nullopt;
    std::vector<T> entries(count);
    if (!read(offset, entries.data(), count * sizeof(T))) return std::nullopt;
    return entries;
  }
  // Where an address of the loaded image stands in the file, with `bytes` behind it.
  std::optional<uint64_t> offset_of(uint64_t address, uint64_t bytes) const;

  Status read_size();
  Status read_header();
  Status read_segments();
  Status check_sections() const;

  int descriptor_;
  std::string_view name_;
  uint64_t size_ = 0;
  Elf64_Ehdr header_ = {};
  std::vector<Elf64_Phdr> segments_;
};

}  // namespace flame
