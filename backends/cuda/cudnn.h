// cuDNN, NVIDIA's convolutions and attention.
#pragma once

#include <cudnn.h>

#include <string>

#include "backends/cuda/shared_library.h"

namespace flame::cuda {

struct Cudnn {
  explicit Cudnn(const std::string &folder);
  std::string version() const;  // "9.19.0"

  SharedLibrary library;
  decltype(&cudnnGetVersion) get_version;
};

}  // namespace flame::cuda
