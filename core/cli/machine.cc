#include "core/cli/machine.h"

#include <fmt/core.h>
#include <link.h>
#include <sched.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "core/base/sha256.h"

namespace flame::cli {
namespace {

constexpr const char *kExtensions[] = {"avx2",     "fma",         "f16c",        "avx512f",
                                       "avx512bw", "avx512_vnni", "avx512_bf16", "amx_bf16"};

// The value behind the first "key : value" or "key: value" line of a file of /proc.
std::string first_value(const char *file, std::string_view key) {
  std::ifstream lines(file);
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with(key)) continue;
    const size_t colon = line.find(':');
    if (colon == std::string::npos) continue;
    const size_t start = line.find_first_not_of(" \t", colon + 1);
    return start == std::string::npos ? std::string() : line.substr(start);
  }
  return {};
}

uint64_t meminfo_bytes(std::string_view key) {
  return std::strtoull(first_value("/proc/meminfo", key).c_str(), nullptr, 10) * 1024;
}

}  // namespace

Processor processor() {
  Processor result;
  result.name = first_value("/proc/cpuinfo", "model name");
  cpu_set_t allowed;
  if (sched_getaffinity(0, sizeof allowed, &allowed) == 0) {
    result.threads = static_cast<unsigned>(CPU_COUNT(&allowed));
  }
  std::istringstream flags(first_value("/proc/cpuinfo", "flags"));
  for (std::string flag; flags >> flag;) {
    if (std::find(std::begin(kExtensions), std::end(kExtensions), flag) != std::end(kExtensions)) {
      result.extensions.push_back(flag);
    }
  }
  return result;
}

Memory memory() {
  return {meminfo_bytes("MemTotal"), meminfo_bytes("MemAvailable")};
}

std::vector<LoadedLibrary> loaded_libraries() {
  std::vector<LoadedLibrary> libraries;
  dl_iterate_phdr(
      [](dl_phdr_info *info, size_t, void *into) {
        const std::filesystem::path path(info->dlpi_name);
        if (path.has_parent_path()) {
          static_cast<std::vector<LoadedLibrary> *>(into)->push_back({path.lexically_normal(), {}});
        }
        return 0;
      },
      &libraries);
  for (LoadedLibrary &library : libraries) {
    Result<std::string> hash = sha256_of_file(library.path);
    if (hash.ok()) library.sha256 = *hash;
  }
  std::sort(libraries.begin(), libraries.end(),
            [](const LoadedLibrary &a, const LoadedLibrary &b) { return a.path < b.path; });
  return libraries;
}

std::vector<std::string> loader_variables() {
  std::vector<std::string> set;
  for (const char *name : {"LD_LIBRARY_PATH", "LD_PRELOAD", "LD_AUDIT"}) {
    const char *value = getenv(name);
    if (value && *value) set.push_back(fmt::format("{}={}", name, value));
  }
  return set;
}

}  // namespace flame::cli
