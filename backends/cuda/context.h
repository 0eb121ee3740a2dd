// An opened GPU: its context, what planners must know of it, and its compiled kernels.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "backends/cuda/driver.h"
#include "backends/cuda/kernel_cache.h"
#include "backends/cuda/kernel_source.h"
#include "backends/cuda/nvrtc.h"

namespace flame::cuda {

// What planners know of the device.
struct Target {
  int capability = 90;  // 90 is 9.0
  int multiprocessors = 132;
  bool deterministic = false;  // only ways that give the same bits in two runs
};

// A loaded kernel; lives in the device's memory as long as this.
class Kernel {
 public:
  Kernel(const std::string &image, const char *entry);
  ~Kernel();
  Kernel(const Kernel &) = delete;
  Kernel &operator=(const Kernel &) = delete;

  CUfunction function() const { return function_; }

 private:
  CUmodule module_ = nullptr;
  CUfunction function_ = nullptr;
};

// The device's primary context, shared with whoever else uses the GPU in this process. Outlives all
// that is made of it. One thread at a time, but for make_current() and the facts.
class Context {
 public:
  Context(uint32_t index, const std::string &library_folder, const std::string &cache_folder);
  ~Context();
  Context(const Context &) = delete;
  Context &operator=(const Context &) = delete;

  // Every function of the driver works on the calling thread's context. [any]
  void make_current() const;

  const Target &target() const { return target_; }
  const std::string &library_folder() const { return library_folder_; }
  // The kernel, compiled, from the disk or from an earlier plan. Plans share it.
  std::shared_ptr<const Kernel> kernel(const KernelSource &source);

 private:
  std::string library_folder_;
  CUdevice device_ = 0;
  CUcontext context_ = nullptr;
  Target target_;
  Nvrtc nvrtc_;
  std::string architecture_;
  KernelCache cache_;
  std::map<std::string, std::shared_ptr<const Kernel>> kernels_;  // by key
};

// What all kernels are compiled with, for "sm_90".
std::vector<std::string> compile_options(const std::string &architecture, bool may_contract);

}  // namespace flame::cuda
