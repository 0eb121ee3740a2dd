#include "core/plugin/elf.h"

#include <elf.h>
#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>

#include "core/base/terminal.h"
#include "flame/entry.h"

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
constexpr uint64_t kMaxSymbols = 1 << 22;
constexpr uint64_t kMaxChain = 1 << 16;  // symbols in one bucket of the hash table
constexpr uint64_t kMaxStringBytes = 256u << 20;
constexpr uint64_t kMaxNameBytes = 1 << 16;

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

// Every read is checked against the size of the file.
class File {
 public:
  File(int descriptor, uint64_t size) : descriptor_(descriptor), size_(size) {}

  uint64_t size() const { return size_; }
  bool holds(uint64_t offset, uint64_t bytes) const {
    return offset <= size_ && bytes <= size_ - offset;
  }
  bool read(uint64_t offset, void *into, uint64_t bytes) const {
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
  template <typename T>
  std::optional<std::vector<T>> table(uint64_t offset, uint64_t count) const {
    if (count > size_ / sizeof(T) || !holds(offset, count * sizeof(T))) return std::nullopt;
    std::vector<T> entries(count);
    if (!read(offset, entries.data(), count * sizeof(T))) return std::nullopt;
    return entries;
  }

 private:
  int descriptor_;
  uint64_t size_;
};

// The tables that the dynamic section points to, as addresses.
struct Dynamic {
  uint64_t strings = 0, strings_size = 0;
  uint64_t symbols = 0;
  uint64_t hash = 0, gnu_hash = 0;
  uint64_t flags_1 = 0;
  std::optional<uint64_t> soname;
  std::vector<uint64_t> needed, rpath, runpath;  // offsets into the strings
};

class Reader {
 public:
  Reader(File file, std::string_view name) : file_(file), name_(name) {}

  Result<ElfLibrary> read() {
    FLAME_TRY(read_header());
    FLAME_TRY(read_segments());
    FLAME_TRY(check_sections());
    FLAME_TRY(read_dynamic());
    if (dynamic_.flags_1 & DF_1_PIE) return error("it is a program, not a shared library");
    FLAME_TRY(read_strings());
    FLAME_TRY(read_names());
    FLAME_TRY(read_symbols());
    return std::move(library_);
  }

 private:
  Error error(std::string_view problem) const {
    return plugin_error(fmt::format("{}: {}", name_, problem));
  }
  Error damaged(std::string_view what) const {
    Error failure = error(fmt::format("the ELF file is damaged: {}", what));
    failure.hint = "copy or build the library again";
    return failure;
  }
  Error cut_short(std::string_view what) const {
    Error failure = error(
        fmt::format("the ELF file is truncated: {} lie outside its {} bytes", what, file_.size()));
    failure.hint = "copy or build the library again";
    return failure;
  }

  Status read_header() {
    unsigned char magic[EI_NIDENT] = {};
    const uint64_t there = std::min<uint64_t>(file_.size(), sizeof magic);
    if (there == 0) return error("the file is empty");
    if (!file_.read(0, magic, there)) return damaged("it cannot be read");
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
    if (!file_.read(0, &header_, sizeof header_)) return cut_short("the headers");
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

  Status read_segments() {
    if (header_.e_phentsize != sizeof(Elf64_Phdr) || header_.e_phnum == 0 ||
        header_.e_phnum > kMaxHeaders) {
      return damaged("its program headers have a wrong size or number");
    }
    auto table = file_.table<Elf64_Phdr>(header_.e_phoff, header_.e_phnum);
    if (!table) return cut_short("the program headers");
    segments_ = std::move(*table);
    for (const Elf64_Phdr &segment : segments_) {
      if (segment.p_type == PT_NULL) continue;
      if (!file_.holds(segment.p_offset, segment.p_filesz)) return cut_short("the segments");
      if (segment.p_type != PT_LOAD) continue;
      if (segment.p_filesz > segment.p_memsz ||
          segment.p_vaddr + segment.p_memsz < segment.p_vaddr) {
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
  Status check_sections() const {
    if (header_.e_shoff == 0) return {};
    if (header_.e_shentsize != sizeof(Elf64_Shdr)) {
      return damaged("its section headers have a wrong size");
    }
    if (!file_.holds(header_.e_shoff, uint64_t{header_.e_shnum} * sizeof(Elf64_Shdr))) {
      return cut_short("the section headers");
    }
    return {};
  }

  // Where an address of the loaded image stands in the file, with `bytes` behind it.
  std::optional<uint64_t> offset_of(uint64_t address, uint64_t bytes) const {
    for (const Elf64_Phdr &segment : segments_) {
      if (segment.p_type != PT_LOAD || address < segment.p_vaddr) continue;
      const uint64_t within = address - segment.p_vaddr;
      if (within <= segment.p_filesz && bytes <= segment.p_filesz - within) {
        return segment.p_offset + within;
      }
    }
    return std::nullopt;
  }
  template <typename T>
  std::optional<std::vector<T>> table_at(uint64_t address, uint64_t count) const {
    if (count > file_.size() / sizeof(T)) return std::nullopt;
    const std::optional<uint64_t> offset = offset_of(address, count * sizeof(T));
    if (!offset) return std::nullopt;
    return file_.table<T>(*offset, count);
  }

  Status read_dynamic() {
    const auto segment = std::find_if(segments_.begin(), segments_.end(),
                                      [](const Elf64_Phdr &s) { return s.p_type == PT_DYNAMIC; });
    if (segment == segments_.end())
      return error("it has no dynamic section, so it is no shared library");
    const uint64_t count = segment->p_filesz / sizeof(Elf64_Dyn);
    if (count > kMaxDynamicEntries) return damaged("its dynamic section is too long");
    const auto entries = file_.table<Elf64_Dyn>(segment->p_offset, count);
    if (!entries) return cut_short("the dynamic section");
    bool ended = false;
    for (const Elf64_Dyn &entry : *entries) {
      if (entry.d_tag == DT_NULL) {
        ended = true;
        break;
      }
      take(entry);
    }
    if (!ended) return damaged("its dynamic section has no end");
    if (dynamic_.strings == 0 || dynamic_.symbols == 0) {
      return damaged("it has no table of symbols");
    }
    return {};
  }

  void take(const Elf64_Dyn &entry) {
    const uint64_t value = entry.d_un.d_val;
    switch (entry.d_tag) {
      case DT_STRTAB:
        dynamic_.strings = value;
        break;
      case DT_STRSZ:
        dynamic_.strings_size = value;
        break;
      case DT_SYMTAB:
        dynamic_.symbols = value;
        break;
      case DT_HASH:
        dynamic_.hash = value;
        break;
      case DT_GNU_HASH:
        dynamic_.gnu_hash = value;
        break;
      case DT_FLAGS_1:
        dynamic_.flags_1 = value;
        break;
      case DT_SONAME:
        dynamic_.soname = value;
        break;
      case DT_NEEDED:
        dynamic_.needed.push_back(value);
        break;
      case DT_RPATH:
        dynamic_.rpath.push_back(value);
        break;
      case DT_RUNPATH:
        dynamic_.runpath.push_back(value);
        break;
      default:
        break;
    }
  }

  Status read_strings() {
    if (dynamic_.strings_size > kMaxStringBytes) return damaged("its table of names is too long");
    auto bytes = table_at<char>(dynamic_.strings, dynamic_.strings_size);
    if (!bytes) return damaged("its table of names lies outside of it");
    strings_ = std::move(*bytes);
    return {};
  }

  std::optional<std::string> string_at(uint64_t offset) const {
    if (offset >= strings_.size()) return std::nullopt;
    const char *from = strings_.data() + offset;
    const size_t length = strnlen(from, std::min(strings_.size() - offset, kMaxNameBytes));
    if (length == strings_.size() - offset || length == kMaxNameBytes) return std::nullopt;
    return std::string(from, length);
  }

  Status read_names() {
    const auto wrong = [&] { return damaged("a name lies outside of its table of names"); };
    for (const uint64_t offset : dynamic_.needed) {
      const auto text = string_at(offset);
      if (!text) return wrong();
      library_.needed.push_back(*text);
    }
    if (dynamic_.soname) {
      const auto text = string_at(*dynamic_.soname);
      if (!text) return wrong();
      library_.soname = *text;
    }
    library_.uses_runpath = !dynamic_.runpath.empty();
    for (const auto *paths : {&dynamic_.rpath, &dynamic_.runpath}) {
      for (const uint64_t offset : *paths) {
        const auto text = string_at(offset);
        if (!text) return wrong();
        add_search_paths(*text);
      }
    }
    return {};
  }

  void add_search_paths(std::string_view text) {
    for (;;) {
      const size_t colon = text.find(':');
      library_.search_paths.emplace_back(text.substr(0, colon));
      if (colon == std::string_view::npos) return;
      text.remove_prefix(colon + 1);
    }
  }

  // The loader keeps no count of the symbols: it follows from the hash table.
  std::optional<uint64_t> symbol_count() const {
    if (dynamic_.hash) {
      const auto head = table_at<uint32_t>(dynamic_.hash, 2);
      return head ? std::optional<uint64_t>((*head)[1]) : std::nullopt;
    }
    if (dynamic_.gnu_hash) return count_gnu_hash();
    return 0;
  }

  std::optional<uint64_t> count_gnu_hash() const {
    const auto head = table_at<uint32_t>(dynamic_.gnu_hash, 4);
    if (!head) return std::nullopt;
    const uint64_t bucket_count = (*head)[0], first = (*head)[1], bloom_words = (*head)[2];
    const uint64_t buckets_at = dynamic_.gnu_hash + 16 + bloom_words * 8;
    const auto buckets = table_at<uint32_t>(buckets_at, bucket_count);
    if (!buckets) return std::nullopt;
    const uint64_t last =
        buckets->empty() ? 0 : *std::max_element(buckets->begin(), buckets->end());
    if (last < first) return first;
    // The chain of the last bucket ends with a word whose lowest bit is set.
    const uint64_t chains_at = buckets_at + bucket_count * 4;
    for (uint64_t symbol = last; symbol < last + kMaxChain; ++symbol) {
      const auto word = table_at<uint32_t>(chains_at + (symbol - first) * 4, 1);
      if (!word) return std::nullopt;
      if ((*word)[0] & 1) return symbol + 1;
    }
    return std::nullopt;
  }

  Status read_symbols() {
    const std::optional<uint64_t> count = symbol_count();
    if (!count || *count > kMaxSymbols) return damaged("its hash table of symbols is wrong");
    const auto symbols = table_at<Elf64_Sym>(dynamic_.symbols, *count);
    if (!symbols) return damaged("its table of symbols lies outside of it");
    for (const Elf64_Sym &symbol : *symbols) {
      const unsigned binding = ELF64_ST_BIND(symbol.st_info);
      if (binding != STB_GLOBAL && binding != STB_WEAK && binding != STB_GNU_UNIQUE) continue;
      const auto text = string_at(symbol.st_name);
      if (!text) return damaged("the name of a symbol lies outside of its table of names");
      const unsigned visibility = ELF64_ST_VISIBILITY(symbol.st_other);
      if (symbol.st_shndx == SHN_UNDEF) {
        if (binding != STB_WEAK) library_.undefined.push_back(*text);
      } else if (visibility == STV_DEFAULT || visibility == STV_PROTECTED) {
        library_.exports.push_back(*text);
      }
    }
    std::sort(library_.exports.begin(), library_.exports.end());
    std::sort(library_.undefined.begin(), library_.undefined.end());
    return {};
  }

  File file_;
  std::string_view name_;
  Elf64_Ehdr header_ = {};
  std::vector<Elf64_Phdr> segments_;
  Dynamic dynamic_;
  std::vector<char> strings_;
  ElfLibrary library_;
};

Error without_entry(const ElfLibrary &library, std::string_view name) {
  std::string others;
  for (const std::string &symbol : library.exports) {
    if (symbol.starts_with("flame_plugin_entry")) others += (others.empty() ? "" : ", ") + symbol;
  }
  if (others.empty()) {
    return plugin_error(fmt::format("{}: it does not export {}, so it is no flamehost plugin", name,
                                    FLAME_ENTRY_SYMBOL),
                        "export that one symbol: sdk/template has a plugin of each kind");
  }
  return plugin_error(
      fmt::format("{}: it exports {}, but not {}: it was built for another major version of the "
                  "contract than this host's {}",
                  name, printable(others), FLAME_ENTRY_SYMBOL, FLAME_ABI_MAJOR),
      fmt::format("install the plugin's build for version {}, or the flamehost that has the "
                  "version in the symbol's name",
                  FLAME_ABI_MAJOR));
}

}  // namespace

bool ElfLibrary::exports_symbol(std::string_view name) const {
  return std::binary_search(exports.begin(), exports.end(), name);
}

Result<ElfLibrary> read_elf(int descriptor, std::string_view name) {
  struct stat status {};
  if (fstat(descriptor, &status) != 0) {
    return plugin_error(fmt::format("{}: cannot look at: {}", name, strerror(errno)));
  }
  return Reader(File(descriptor, static_cast<uint64_t>(status.st_size)), name).read();
}

Status check_plugin_library(const ElfLibrary &library, std::string_view name) {
  if (!library.exports_symbol(FLAME_ENTRY_SYMBOL)) return without_entry(library, name);
  for (const std::string &path : library.search_paths) {
    if (path.starts_with('/') || path.starts_with("$ORIGIN") || path.starts_with("${ORIGIN}")) {
      continue;
    }
    return plugin_error(fmt::format("{}: its RPATH has '{}', which starts at the current folder",
                                    name, printable(path)),
                        "link it with absolute folders or $ORIGIN");
  }
  for (const std::string &needed : library.needed) {
    if (needed.find('/') == std::string::npos || needed.starts_with('/')) continue;
    return plugin_error(fmt::format("{}: it needs '{}', which starts at the current folder", name,
                                    printable(needed)),
                        "link it with the library's name alone");
  }
  return {};
}

}  // namespace flame
