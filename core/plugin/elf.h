// Looks into a shared library without loading it: what it is, what it exports and what it would
// pull in. Made for hostile files: nothing in the file is believed before it is checked.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"

namespace flame {

struct ElfLibrary {
  std::string soname;
  std::vector<std::string> needed;        // DT_NEEDED
  std::vector<std::string> search_paths;  // DT_RPATH and DT_RUNPATH, taken apart at ':'
  bool uses_runpath = false;              // DT_RUNPATH, which LD_LIBRARY_PATH overrules
  std::vector<std::string> exports;       // names of defined global and weak symbols, sorted
  std::vector<std::string> undefined;     // names that must come from elsewhere, sorted

  bool exports_symbol(std::string_view name) const;
};

// Reads from an open descriptor with pread, a few tables only; the library may be large. `name` is
// what the file is called in errors, which are kBadPlugin: not ELF, wrong class, machine or type,
// damaged tables, or a header that points outside the file (it was cut short).
Result<ElfLibrary> read_elf(int descriptor, std::string_view name);

// What a plugin library must be besides readable: it exports the entry of this host's major version
// (if not, the error lists the entries it has and which host fits), and looks for libraries in
// absolute places alone, never from the current folder.
Status check_plugin_library(const ElfLibrary &library, std::string_view name);

}  // namespace flame
