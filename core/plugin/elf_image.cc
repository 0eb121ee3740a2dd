#include "core/plugin/elf_image.h"

#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>

namespace flame {
namespace {

#if defined(__x86_64__)
constexpr uint16_t kHostMachine = EM_X86_64;
#elif defined(__aarch64__)
constexpr uint16_t kHostMachine = EM_AARCH64;
#endif

// Above any real library; what a header claims beyond is damage, not size.
constexpr uint64_t kMaxHeaders = 4096;
constexpr uint64_t kMaxDynamicEntries = 1 << 16;

std::string machine_name(uint16_t machine) {
  switch (machine) {
    case EM_X86_64:
      return "x86-64";
    case EM_386:
      return "32-bit x86";
    case EM_AARCH64:
      return "64-bit ARM";
    case EM_ARM:
      return "32-bit ARM";
    case EM_RISCV:
      return "RISC-V";
    case EM_PPC64:
      return "64-bit PowerPC";
    case EM_S390:
      return "S/390";
    default:
      return fmt::format("number {}", machine);
  }
}

}  // namespace

Result<ElfImage> ElfImage::open(int descriptor, std::string_view name) {
  ElfImage image(descriptor, name);
  FLAME_TRY(image.read_size());
  FLAME_TRY(image.read_header());
  FLAME_TRY(image.read_segments());
  FLAME_TRY(image.check_sections());
  return image;
}

Error ElfImage::error(std::string_view problem) const {
  return plugin_error(fmt::format("{}: {}", name_, problem));
}

Error ElfImage::damaged(std::string_view what) const {
  Error failure = error(fmt::format("the ELF file is damaged: {}", what));
  failure.hint = "copy or build the library again";
  return failure;
}

Error ElfImage::cut_short(std::string_view what) const {
  Error failure =
      error(fmt::format("the ELF file is truncated: {} lie outside its {} bytes", what, size_));
  failure.hint = "copy or build the library again";
  return failure;
}

bool ElfImage::read(uint64_t offset, void *into, uint64_t bytes) const {
  if (!holds(offset, bytes)) return false;
  auto *to = static_cast<char *>(into);
  while (bytes > 0) {
    const ssize_t count = pread(descriptor_, to, bytes, static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    to += count;
    offset += static_cast<uint64_t>(count);
    bytes -= static_cast<uint64_t>(count);
  }
  return true;
}

Status ElfImage::read_size() {
  struct stat status {};
  if (fstat(descriptor_, &status) != 0) {
    return error(fmt::format("cannot look at: {}", strerror(errno)));
  }
  size_ = static_cast<uint64_t>(status.st_size);
  return {};
}

Status ElfImage::read_header() {
  unsigned char magic[EI_NIDENT] = {};
  const uint64_t there = std::min<uint64_t>(size_, sizeof magic);
  if (there == 0) return error("the file is empty");
  if (!read(0, magic, there)) return damaged("it cannot be read");
  if (there < SELFMAG || memcmp(magic, ELFMAG, SELFMAG) != 0) {
    return error("not an ELF file, so no library of this system");
  }
  if (there < sizeof magic) return cut_short("the headers");
  if (magic[EI_CLASS] != ELFCLASS64) {
    return error(magic[EI_CLASS] == ELFCLASS32
                     ? "built for 32 bits; this host has 64"
                     : "the ELF file is damaged: its class is neither 32 nor 64 bits");
  }
  if (magic[EI_DATA] != ELFDATA2LSB)
    return error("built for big-endian machines; this host is little-endian");
  if (magic[EI_VERSION] != EV_CURRENT) return damaged("its ELF version is unknown");
  if (!read(0, &header_, sizeof header_)) return cut_short("the headers");
  if (header_.e_machine != kHostMachine) {
    return error(fmt::format("built for the machine {}; this host is {}",
                             machine_name(header_.e_machine), machine_name(kHostMachine)));
  }
  if (header_.e_type == ET_DYN) return {};
  return error(header_.e_type == ET_REL    ? "it is an object file, not a shared library"
               : header_.e_type == ET_EXEC ? "it is a program, not a shared library"
               : header_.e_type == ET_CORE ? "it is a core dump, not a shared library"
                                           : "it is not a shared library");
}

Status ElfImage::read_segments() {
  if (header_.e_phentsize != sizeof(Elf64_Phdr) || header_.e_phnum == 0 ||
      header_.e_phnum > kMaxHeaders) {
    return damaged("its program headers have a wrong size or number");
  }
  auto found = table<Elf64_Phdr>(header_.e_phoff, header_.e_phnum);
  if (!found) return cut_short("the program headers");
  segments_ = std::move(*found);
  for (const Elf64_Phdr &segment : segments_) {
    if (segment.p_type == PT_NULL) continue;
    if (!holds(segment.p_offset, segment.p_filesz)) return cut_short("the segments");
    if (segment.p_type != PT_LOAD) continue;
    if (segment.p_filesz > segment.p_memsz || segment.p_vaddr + segment.p_memsz < segment.p_vaddr) {
      return damaged("a segment has a wrong size");
    }
    const uint64_t align = std::max<uint64_t>(segment.p_align, 1);
    if ((align & (align - 1)) || (segment.p_vaddr - segment.p_offset) % align != 0) {
      return damaged("a segment is not aligned");
    }
  }
  return {};
}

// The loader needs no sections, but a file that lost them was cut.
Status ElfImage::check_sections() const {
  if (header_.e_shoff == 0) return {};
  if (header_.e_shentsize != sizeof(Elf64_Shdr)) {
    return damaged("its section headers have a wrong size");
  }
  if (!holds(header_.e_shoff, uint64_t{header_.e_shnum} * sizeof(Elf64_Shdr))) {
    return cut_short("the section headers");
  }
  return {};
}

std::optional<uint64_t> ElfImage::offset_of(uint64_t address, uint64_t bytes) const {
  for (const Elf64_Phdr &segment : segments_) {
    if (segment.p_type != PT_LOAD || address < segment.p_vaddr) continue;
    const uint64_t within = address - segment.p_vaddr;
    if (within <= segment.p_filesz && bytes <= segment.p_filesz - within) {
      return segment.p_offset + within;
    }
  }
  return std::nullopt;
}

Result<std::vector<Elf64_Dyn>> ElfImage::dynamic_section() const {
  const auto segment = std::find_if(segments_.begin(), segments_.end(),
                                    [](const Elf64_Phdr &s) { return s.p_type == PT_DYNAMIC; });
  if (segment == segments_.end())
    return error("it has no dynamic section, so it is no shared library");
  const uint64_t count = segment->p_filesz / sizeof(Elf64_Dyn);
  if (count > kMaxDynamicEntries) return damaged("its dynamic section is too long");
  auto entries = table<Elf64_Dyn>(segment->p_offset, count);
  if (!entries) return cut_short("the dynamic section");
  const auto end = std::find_if(entries->begin(), entries->end(),
                                [](const Elf64_Dyn &entry) { return entry.d_tag == DT_NULL; });
  if (end == entries->end()) return damaged("its dynamic section has no end");
  entries->erase(end, entries->end());
  return std::move(*entries);
}

}  // namespace flame
