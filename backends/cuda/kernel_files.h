// The texts of the folder kernels/, which the build puts into the plugin.
#pragma once

#include <vector>

namespace flame::cuda {

struct KernelFile {
  const char *name;  // "map.cu", as others include it
  const char *text;
};

// Made by the build. [any]
const std::vector<KernelFile> &kernel_files();

}  // namespace flame::cuda
