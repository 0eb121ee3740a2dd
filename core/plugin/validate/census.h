// What a process holds that can be left behind.
#pragma once

#include <string>
#include <vector>

namespace flame {

size_t count_threads();
size_t count_descriptors();

struct ChildProcess {
  int id;
  std::string name;
};
// This process's children, and the orphans that came to it.
std::vector<ChildProcess> children();

}  // namespace flame
