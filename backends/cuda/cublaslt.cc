#include "backends/cuda/cublaslt.h"

#include <algorithm>

#include "backends/cuda/driver.h"

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
  library.take("cublasLtGetStatusName", status_name);
  library.take("cublasLtCreate", create);
  library.take("cublasLtDestroy", destroy);
  library.take("cublasLtMatmulDescCreate", create_product);
  library.take("cublasLtMatmulDescDestroy", destroy_product);
  library.take("cublasLtMatmulDescSetAttribute", set_product);
  library.take("cublasLtMatrixLayoutCreate", create_layout);
  library.take("cublasLtMatrixLayoutDestroy", destroy_layout);
  library.take("cublasLtMatrixLayoutSetAttribute", set_layout);
  library.take("cublasLtMatmulPreferenceCreate", create_preference);
  library.take("cublasLtMatmulPreferenceDestroy", destroy_preference);
  library.take("cublasLtMatmulPreferenceSetAttribute", set_preference);
  library.take("cublasLtMatmulAlgoGetHeuristic", find_algorithms);
  library.take("cublasLtMatmulAlgoCheck", check_algorithm);
  library.take("cublasLtMatmul", multiply);
}

std::string CublasLt::version() const {
  const size_t number = get_version();
  return flame::text(number / 10000, ".", number / 100 % 100, ".", number % 100);
}

LtHandle::LtHandle(const std::string &folder) : functions_(folder, driver().version) {
  check(functions_.create(&handle_), "cublasLtCreate");
}

LtHandle::~LtHandle() {
  functions_.destroy(handle_);
}

void LtHandle::check(cublasStatus_t status, const char *function) const {
  if (status == CUBLAS_STATUS_SUCCESS) return;
  const char *name = functions_.status_name(status);
  throw flame::Error(
      status == CUBLAS_STATUS_ALLOC_FAILED ? FLAME_ERROR_OUT_OF_MEMORY : FLAME_ERROR_FAILED,
      flame::text(function, " failed: ", name ? name : "an error without words", " (",
                  static_cast<int>(status), ")"));
}

}  // namespace flame::cuda
