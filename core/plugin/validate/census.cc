#include "core/plugin/validate/census.h"

#include <dirent.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>

namespace flame {
namespace {

std::vector<std::string> entries_of(const char *folder_name) {
  std::vector<std::string> names;
  DIR *folder = opendir(folder_name);
  if (!folder) return names;
  while (const dirent *entry = readdir(folder)) {
    if (entry->d_name[0] != '.') names.emplace_back(entry->d_name);
  }
  closedir(folder);
  return names;
}

}  // namespace

size_t count_threads() {
  return entries_of("/proc/self/task").size();
}

size_t count_descriptors() {
  return entries_of("/proc/self/fd").size() - 1;  // the one that read the folder
}

std::vector<ChildProcess> children() {
  std::vector<ChildProcess> found;
  for (const std::string &id : entries_of("/proc")) {
    if (id.find_first_not_of("0123456789") != std::string::npos) continue;
    std::ifstream file("/proc/" + id + "/stat");
    std::string line;
    std::getline(file, line);
    // "17 (name) S 16 …": the name may hold anything, so its end is looked for from behind.
    const size_t open = line.find('('), close = line.rfind(')');
    if (open == std::string::npos || close == std::string::npos) continue;
    char state = 0;
    int parent = 0;
    if (sscanf(line.c_str() + close + 1, " %c %d", &state, &parent) != 2) continue;
    if (parent != getpid()) continue;
    found.push_back({atoi(id.c_str()), line.substr(open + 1, close - open - 1)});
  }
  return found;
}

}  // namespace flame
