// The library as a file, and what happens when it is loaded.
#include <fmt/core.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <fstream>

#include "core/base/file.h"
#include "core/plugin/elf.h"
#include "core/plugin/manifest.h"
#include "core/plugin/trust.h"
#include "core/plugin/validate/subject.h"

namespace flame {
namespace {

using Clock = std::chrono::steady_clock;

// The C library's own names that a linker may add to a shared library.
constexpr std::string_view kLinkerNames[] = {"_init", "_fini", "_edata", "_end", "__bss_start"};
constexpr int kMostLoadMilliseconds = 100;

Result<Done> is_a_plain_file(Subject &subject) {
  const Result<Descriptor> file = open_regular_file(subject.facts().file);
  if (!file.ok()) return broken("a regular file that can be read", file.error().what);
  struct stat status {};
  fstat(file->get(), &status);
  return status.st_size > 0 ? Result<Done>(passed()) : broken("a shared library", "an empty file");
}

Result<Done> is_trusted(Subject &subject) {
  const Result<TrustedLibrary> library = TrustedLibrary::open(subject.facts().file);
  if (library.ok()) return passed();
  const Error &error = library.error();
  return broken(error.hint.empty()
                    ? "a file that only its owner or root can have written"
                    : "a file that only its owner or root can have written; " + error.hint,
                error.what);
}

Result<ElfLibrary> read(Subject &subject) {
  const std::string name = subject.facts().file.string();
  FLAME_ASSIGN(const Descriptor file, open_regular_file(name));
  Result<ElfLibrary> library = read_elf(file.get(), name);
  if (library.ok()) return library;
  return broken("a whole ELF shared library for " + std::string(host_platform()),
                library.error().what);
}

Result<Done> is_elf(Subject &subject) {
  FLAME_TRY(read(subject));
  return passed();
}

Result<Done> exports_the_entry(Subject &subject) {
  FLAME_ASSIGN(const ElfLibrary library, read(subject));
  const Status status = check_plugin_library(library, subject.facts().file.string());
  if (status.ok()) return passed();
  return broken("a library that exports " FLAME_ENTRY_SYMBOL, status.error().what);
}

Result<Done> exports_nothing_else(Subject &subject) {
  FLAME_ASSIGN(const ElfLibrary library, read(subject));
  std::string others;
  size_t count = 0;
  for (const std::string &name : library.exports) {
    const bool is_entry = name.starts_with("flame_plugin_entry_v");
    if (is_entry || std::find(std::begin(kLinkerNames), std::end(kLinkerNames), name) !=
                        std::end(kLinkerNames)) {
      continue;
    }
    if (++count <= 3) others += (others.empty() ? "" : ", ") + name;
  }
  if (count == 0) return passed();
  return broken("the entry is the only symbol: -fvisibility=hidden and -Wl,--exclude-libs,ALL",
                fmt::format("{} more: {}{}", count, others, count > 3 ? ", …" : ""));
}

Result<Done> no_runpath(Subject &subject) {
  FLAME_ASSIGN(const ElfLibrary library, read(subject));
  if (!library.uses_runpath) return passed();
  return broken(
      "DT_RPATH, which LD_LIBRARY_PATH cannot overrule (-Wl,--disable-new-dtags), or none",
      fmt::format("DT_RUNPATH {}",
                  library.search_paths.empty() ? "" : library.search_paths.front()));
}

Result<Done> needs_no_host(Subject &subject) {
  FLAME_ASSIGN(const ElfLibrary library, read(subject));
  for (const std::string &name : library.needed) {
    if (name.find('/') != std::string::npos) {
      return broken("libraries are needed by name", "'" + name + "' is a path");
    }
    if (name.starts_with("libflame_") || name.starts_with("libpython") ||
        name.starts_with("libtorch")) {
      return broken("a plugin links nothing of the host, and no other framework",
                    "it needs " + name);
    }
  }
  return passed();
}

Result<Done> opens(Subject &subject) {
  FLAME_TRY(subject.open());
  return passed();
}

// The fastest of three loads, each in a process that has not seen the library.
Result<Done> opens_quickly(Subject &subject) {
  int best = 255;
  for (int attempt = 0; attempt < 3 && best > kMostLoadMilliseconds; ++attempt) {
    const pid_t child = fork();
    if (child == 0) {
      const auto start = Clock::now();
      const bool opened = subject.open().ok();
      const auto took =
          std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - start).count();
      _exit(opened ? static_cast<int>(std::min<int64_t>(took, 255)) : 255);
    }
    int status = 0;
    waitpid(child, &status, 0);
    if (WIFEXITED(status)) best = std::min(best, WEXITSTATUS(status));
  }
  if (best <= kMostLoadMilliseconds) return passed();
  return broken(
      fmt::format("loading takes at most {} ms: work belongs into start()", kMostLoadMilliseconds),
      best == 255 ? "255 ms or more" : fmt::format("{} ms", best));
}

Result<Done> no_executable_stack(Subject &subject) {
  FLAME_TRY(subject.open());
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    if (!line.ends_with("[stack]") || line.find(" rwx") == std::string::npos) continue;
    return broken("the stack cannot be executed (-Wl,-z,noexecstack)",
                  "loading the library makes the stack of the process executable");
  }
  return passed();
}

constexpr Check kChecks[] = {
    {"binary.is-a-plain-file", "flame/entry.h: a plugin is a shared library", Stage::kFile,
     is_a_plain_file},
    {"binary.is-trusted",
     "docs/writing-a-plugin.md: owner root or the user; file and folder not writable for others",
     Stage::kFile, is_trusted},
    {"binary.is-elf", "flame/entry.h: a plugin is a shared library of the host's platform",
     Stage::kFile, is_elf},
    {"binary.exports-the-entry", "flame/entry.h: the only exported symbol is " FLAME_ENTRY_SYMBOL,
     Stage::kFile, exports_the_entry},
    {"binary.exports-nothing-else",
     "flame/entry.h: the only exported symbol is " FLAME_ENTRY_SYMBOL, Stage::kFile,
     exports_nothing_else},
    {"binary.no-runpath",
     "docs/writing-a-plugin.md: libraries are found by DT_RPATH, not DT_RUNPATH", Stage::kFile,
     no_runpath},
    {"binary.needs-no-host", "flame/abi.h: this header alone is what both sides agree on",
     Stage::kFile, needs_no_host},
    {"binary.opens",
     "docs/writing-a-plugin.md: every symbol is resolved when the library is loaded",
     Stage::kOpened, opens},
    {"binary.opens-quickly", "flame/entry.h: the entry does no work; start makes the plugin ready",
     Stage::kOpened, opens_quickly},
    {"binary.no-executable-stack", "flame/abi.h: a plugin leaves the process as it is",
     Stage::kOpened, no_executable_stack},
};

}  // namespace

std::span<const Check> binary_checks() {
  return kChecks;
}

}  // namespace flame
