#include "core/plugin/elf.h"

#include <fmt/core.h>

#include <algorithm>
#include <cstring>
#include <optional>

#include "core/base/terminal.h"
#include "core/plugin/elf_image.h"
#include "flame/entry.h"

namespace flame {
namespace {

// Above any real library; what a header claims beyond is damage, not size.
constexpr uint64_t kMaxSymbols = 1 << 22;
constexpr uint64_t kMaxChain = 1 << 16;  // symbols in one bucket of the hash table
constexpr uint64_t kMaxStringBytes = 256u << 20;
constexpr uint64_t kMaxNameBytes = 1 << 16;

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
  explicit Reader(ElfImage image) : image_(std::move(image)) {}

  Result<ElfLibrary> read() {
    FLAME_TRY(read_dynamic());
    if (dynamic_.flags_1 & DF_1_PIE) return image_.error("it is a program, not a shared library");
    FLAME_TRY(read_strings());
    FLAME_TRY(read_names());
    FLAME_TRY(read_symbols());
    return std::move(library_);
  }

 private:
  Status read_dynamic() {
    FLAME_ASSIGN(const std::vector<Elf64_Dyn> entries, image_.dynamic_section());
    for (const Elf64_Dyn &entry : entries) take(entry);
    if (dynamic_.strings == 0 || dynamic_.symbols == 0) {
      return image_.damaged("it has no table of symbols");
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
    if (dynamic_.strings_size > kMaxStringBytes)
      return image_.damaged("its table of names is too long");
    auto bytes = image_.table_at<char>(dynamic_.strings, dynamic_.strings_size);
    if (!bytes) return image_.damaged("its table of names lies outside of it");
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
    const auto wrong = [&] { return image_.damaged("a name lies outside of its table of names"); };
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
      const auto head = image_.table_at<uint32_t>(dynamic_.hash, 2);
      return head ? std::optional<uint64_t>((*head)[1]) : std::nullopt;
    }
    if (dynamic_.gnu_hash) return count_gnu_hash();
    return 0;
  }

  std::optional<uint64_t> count_gnu_hash() const {
    const auto head = image_.table_at<uint32_t>(dynamic_.gnu_hash, 4);
    if (!head) return std::nullopt;
    const uint64_t bucket_count = (*head)[0], first = (*head)[1], bloom_words = (*head)[2];
    const uint64_t buckets_at = dynamic_.gnu_hash + 16 + bloom_words * 8;
    const auto buckets = image_.table_at<uint32_t>(buckets_at, bucket_count);
    if (!buckets) return std::nullopt;
    const uint64_t last =
        buckets->empty() ? 0 : *std::max_element(buckets->begin(), buckets->end());
    if (last < first) return first;
    // The chain of the last bucket ends with a word whose lowest bit is set.
    const uint64_t chains_at = buckets_at + bucket_count * 4;
    for (uint64_t symbol = last; symbol < last + kMaxChain; ++symbol) {
      const auto word = image_.table_at<uint32_t>(chains_at + (symbol - first) * 4, 1);
      if (!word) return std::nullopt;
      if ((*word)[0] & 1) return symbol + 1;
    }
    return std::nullopt;
  }

  Status read_symbols() {
    const std::optional<uint64_t> count = symbol_count();
    if (!count || *count > kMaxSymbols) return image_.damaged("its hash table of symbols is wrong");
    const auto symbols = image_.table_at<Elf64_Sym>(dynamic_.symbols, *count);
    if (!symbols) return image_.damaged("its table of symbols lies outside of it");
    for (const Elf64_Sym &symbol : *symbols) {
      const unsigned binding = ELF64_ST_BIND(symbol.st_info);
      if (binding != STB_GLOBAL && binding != STB_WEAK && binding != STB_GNU_UNIQUE) continue;
      const auto text = string_at(symbol.st_name);
      if (!text) return image_.damaged("the name of a symbol lies outside of its table of names");
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

  ElfImage image_;
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
  FLAME_ASSIGN(ElfImage image, ElfImage::open(descriptor, name));
  return Reader(std::move(image)).read();
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
