// NVRTC, the compiler of CUDA C++ at run time.
#pragma once

#include <nvrtc.h>

#include <string>
#include <vector>

#include "backends/cuda/shared_library.h"

namespace flame::cuda {

class Nvrtc {
 public:
  // Of the driver's major version at most: an older driver does not read newer machine code.
  Nvrtc(const std::string &folder, int driver_version);

  std::string version() const { return flame::text(major_, ".", minor_); }
  const std::string &file() const { return library_.file(); }

  // "sm_90" for a chip of compute capability 9.0, which gives machine code; "compute_…" of the
  // newest chip that this NVRTC knows if it does not know that one, which the driver compiles.
  std::string architecture_for(int capability) const;

  // Machine code (or PTX) of `source`, which may include the backend's kernel files. Throws failed()
  // with the compiler's words. [any]
  std::string compile(const std::string &source, const std::vector<std::string> &options) const;

 private:
  std::string log_of(nvrtcProgram program) const;
  void check(nvrtcResult result, const char *function) const;

  SharedLibrary library_;
  int major_ = 0;
  int minor_ = 0;
  decltype(&nvrtcVersion) get_version_;
  decltype(&nvrtcGetErrorString) error_text_;
  decltype(&nvrtcGetNumSupportedArchs) architecture_count_;
  decltype(&nvrtcGetSupportedArchs) architectures_;
  decltype(&nvrtcCreateProgram) create_program_;
  decltype(&nvrtcDestroyProgram) destroy_program_;
  decltype(&nvrtcCompileProgram) compile_program_;
  decltype(&nvrtcGetProgramLogSize) log_size_;
  decltype(&nvrtcGetProgramLog) log_;
  decltype(&nvrtcGetCUBINSize) cubin_size_;
  decltype(&nvrtcGetCUBIN) cubin_;
  decltype(&nvrtcGetPTXSize) ptx_size_;
  decltype(&nvrtcGetPTX) ptx_;
};

}  // namespace flame::cuda
