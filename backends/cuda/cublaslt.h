// cuBLASLt, NVIDIA's products of matrices.
#pragma once

#include <cublasLt.h>

#include <string>

#include "backends/cuda/shared_library.h"

namespace flame::cuda {

struct CublasLt {
  // Of the driver's major version at most.
  CublasLt(const std::string &folder, int driver_version);
  std::string version() const;  // "13.1.0"

  SharedLibrary library;
  decltype(&cublasLtGetVersion) get_version;
};

}  // namespace flame::cuda
