// What `flamehost doctor` says of the machine and of the process itself.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace flame::cli {

struct Processor {
  std::string name;
  unsigned threads = 0;                 // that this process may use
  std::vector<std::string> extensions;  // of those that matter for speed: avx2, avx512f, …
};
Processor processor();

struct Memory {
  uint64_t total_bytes = 0;
  uint64_t available_bytes = 0;
};
Memory memory();

// A shared library of this process, where the loader found it.
struct LoadedLibrary {
  std::string path;
  std::string sha256;  // empty if the file cannot be read any more
};
// Sorted by path; the kernel's own object, which is no file, is left out.
std::vector<LoadedLibrary> loaded_libraries();

// The variables that are set and make the loader take other libraries than the installed ones.
std::vector<std::string> loader_variables();

}  // namespace flame::cli
