#include "backends/cuda/cublaslt.h"

#include <algorithm>

namespace flame::cuda {
namespace {

constexpr const char *kToolkit =
    "the CUDA toolkit and the Python package nvidia-cublas; the backend's option 'libraries' names "
    "another folder to look in";

}  // namespace

CublasLt::CublasLt(const std::string &folder, int driver_version)
    : library({"cuBLASLt, the matrix products of the CUDA toolkit",
               numbered_files("libcublasLt.so", std::max(driver_version / 1000, 12), 12), kToolkit},
              folder) {
  library.take("cublasLtGetVersion", get_version);
}

std::string CublasLt::version() const {
  const size_t number = get_version();
  return flame::text(number / 10000, ".", number / 100 % 100, ".", number % 100);
}

}  // namespace flame::cuda
