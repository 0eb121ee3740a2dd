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
  decltype(&cublasLtGetStatusName) status_name;
  decltype(&cublasLtCreate) create;
  decltype(&cublasLtDestroy) destroy;
  decltype(&cublasLtMatmulDescCreate) create_product;
  decltype(&cublasLtMatmulDescDestroy) destroy_product;
  decltype(&cublasLtMatmulDescSetAttribute) set_product;
  decltype(&cublasLtMatrixLayoutCreate) create_layout;
  decltype(&cublasLtMatrixLayoutDestroy) destroy_layout;
  decltype(&cublasLtMatrixLayoutSetAttribute) set_layout;
  decltype(&cublasLtMatmulPreferenceCreate) create_preference;
  decltype(&cublasLtMatmulPreferenceDestroy) destroy_preference;
  decltype(&cublasLtMatmulPreferenceSetAttribute) set_preference;
  decltype(&cublasLtMatmulAlgoGetHeuristic) find_algorithms;
  decltype(&cublasLtMatmulAlgoCheck) check_algorithm;
  decltype(&cublasLtMatmul) multiply;
};

// An open cuBLASLt on the current context.
class LtHandle {
 public:
  explicit LtHandle(const std::string &folder);
  ~LtHandle();
  LtHandle(const LtHandle &) = delete;
  LtHandle &operator=(const LtHandle &) = delete;

  const CublasLt &functions() const { return functions_; }
  cublasLtHandle_t get() const { return handle_; }
  // Throws if `status` is an error; the message names the function and cuBLASLt's word for it.
  void check(cublasStatus_t status, const char *function) const;

 private:
  CublasLt functions_;
  cublasLtHandle_t handle_ = nullptr;
};

}  // namespace flame::cuda
