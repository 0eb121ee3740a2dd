#include "core/plugin/elf.h"

#include <elf.h>
#include <gmock/gmock.h>

#include <cstring>
#include <random>

#include "core/base/file.h"
#include "tests/unit/plugin/samples.h"

namespace flame {
namespace {

using test::sample_library;
using testing::Contains;
using testing::HasSubstr;

class ElfTest : public testing::Test {
 protected:
  Result<ElfLibrary> read(std::string_view bytes) {
    return read_elf(test::MemoryFile(bytes).descriptor(), "x.so");
  }
  std::string problem(std::string_view bytes) {
    const Result<ElfLibrary> library = read(bytes);
    if (!library.ok()) return library.error().what;
    const Status checked = check_plugin_library(*library, "x.so");
    return checked.ok() ? "" : checked.error().what;
  }
  // The bytes of the sound plugin with one field of its header changed.
  template <typename T>
  std::string with(size_t offset, T value) const {
    std::string bytes = whole_;
    memcpy(bytes.data() + offset, &value, sizeof value);
    return bytes;
  }

  std::string whole_ = *read_file(sample_library("none"));
};

TEST_F(ElfTest, ReadsWhatALibraryExportsAndNeeds) {
  const Result<ElfLibrary> library = read(whole_);
  ASSERT_TRUE(library.ok()) << library.error().what;
  EXPECT_TRUE(library->exports_symbol("flame_plugin_entry_v1"));
  EXPECT_FALSE(library->exports_symbol("flame_plugin_entry_v"));
  EXPECT_THAT(library->needed, Contains("libc.so.6"));
  EXPECT_EQ(problem(whole_), "");
}

TEST_F(ElfTest, FindsSymbolsOfTheUndefinedKind) {
  const Result<ElfLibrary> library = read(*read_file(sample_library("undefined_symbol")));
  EXPECT_THAT(library->undefined, Contains("nobody_has_this_function"));
}

TEST_F(ElfTest, SaysWhichHostFitsALibraryOfAnotherMajorVersion) {
  const std::string text = problem(*read_file(sample_library("entry_v2")));
  EXPECT_THAT(text, HasSubstr("it exports flame_plugin_entry_v2, but not flame_plugin_entry_v1"));
}

TEST_F(ElfTest, SaysThatALibraryIsNoPlugin) {
  EXPECT_THAT(problem(*read_file(sample_library("no_entry"))), HasSubstr("no flamehost plugin"));
}

TEST_F(ElfTest, RefusesFilesThatAreNoLibraries) {
  EXPECT_THAT(problem(""), HasSubstr("empty"));
  EXPECT_THAT(problem("#!/bin/sh\n"), HasSubstr("not an ELF file"));
  EXPECT_THAT(problem(*read_file("/proc/self/exe", 1u << 30)), HasSubstr("not a shared library"));
  EXPECT_THAT(problem(with<uint16_t>(offsetof(Elf64_Ehdr, e_type), ET_REL)),
              HasSubstr("object file"));
}

TEST_F(ElfTest, RefusesOtherMachines) {
  EXPECT_THAT(problem(with<uint8_t>(EI_CLASS, ELFCLASS32)), HasSubstr("32 bits"));
  EXPECT_THAT(problem(with<uint8_t>(EI_DATA, ELFDATA2MSB)), HasSubstr("big-endian"));
  EXPECT_THAT(problem(with<uint16_t>(offsetof(Elf64_Ehdr, e_machine), EM_RISCV)),
              HasSubstr("built for the machine RISC-V"));
}

TEST_F(ElfTest, RefusesHeadersThatPointOutsideTheFile) {
  EXPECT_THAT(problem(with<uint64_t>(offsetof(Elf64_Ehdr, e_phoff), whole_.size())),
              HasSubstr("truncated: the program headers"));
  EXPECT_THAT(problem(with<uint64_t>(offsetof(Elf64_Ehdr, e_phoff), UINT64_MAX)),
              HasSubstr("truncated: the program headers"));
  EXPECT_THAT(problem(with<uint64_t>(offsetof(Elf64_Ehdr, e_shoff), UINT64_MAX - 8)),
              HasSubstr("truncated: the section headers"));
}

TEST_F(ElfTest, RefusesEveryTruncation) {
  // Every byte of the headers and tables at the front, then in steps, then every byte of the end.
  for (size_t size = 0; size < whole_.size();) {
    EXPECT_NE(problem(whole_.substr(0, size)), "") << size;
    size += size < 2048 || size + 2048 > whole_.size() ? 1 : 37;
  }
}

TEST_F(ElfTest, SurvivesBitFlipsAnywhere) {
  std::mt19937 random(2);
  for (int i = 0; i < 4000; ++i) {
    std::string flipped = whole_;
    // Half of them in the headers and the dynamic tables, where they matter.
    const size_t range = i % 2 ? whole_.size() : 2048;
    flipped[random() % range] ^= static_cast<char>(1 << (random() % 8));
    problem(flipped);
  }
}

TEST_F(ElfTest, SurvivesRandomWordsInItsTables) {
  std::mt19937_64 random(3);
  for (int i = 0; i < 4000; ++i) {
    const uint64_t values[] = {0, 1, UINT64_MAX, UINT64_MAX / 2, whole_.size(), random()};
    problem(with<uint64_t>(random() % 512 * 8, values[random() % 6]));
  }
}

TEST_F(ElfTest, RefusesFoldersThatStartAtTheCurrentOne) {
  ElfLibrary library;
  library.exports = {"flame_plugin_entry_v1"};
  for (const char *path : {"", ".", "lib", "$LIB/x"}) {
    library.search_paths = {"/usr/lib", path};
    EXPECT_FALSE(check_plugin_library(library, "x").ok()) << path;
  }
  library.search_paths = {"$ORIGIN", "$ORIGIN/../lib", "${ORIGIN}", "/opt/lib"};
  EXPECT_TRUE(check_plugin_library(library, "x").ok());
  library.needed = {"./libhelper.so"};
  EXPECT_FALSE(check_plugin_library(library, "x").ok());
}

}  // namespace
}  // namespace flame
