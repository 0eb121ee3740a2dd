// An opened GPU: its context, what planners must know of it, and its compiled kernels.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "backends/cuda/cublaslt.h"
#include "backends/cuda/cudnn_graph.h"
#include "backends/cuda/driver.h"
#include "backends/cuda/kernel_compiler.h"

namespace flame::cuda {

// What planners know of the device.
struct Target {
  int capability = 90;  // 90 is 9.0
  int multiprocessors = 132;
  bool deterministic = false;  // only ways that give the same bits in two runs
  bool tf32 = false;           // products of f32 may round their factors to 10 bits
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
  Context(uint32_t index, const std::string &library_folder, const std::string &cache_folder,
          bool tf32);
  ~Context();
  Context(const Context &) = delete;
  Context &operator=(const Context &) = delete;

  // Every function of the driver works on the calling thread's context. [any]
  void make_current() const;

  const Target &target() const { return target_; }
  const std::string &library_folder() const { return library_folder_; }
  // The kernel, compiled, from the disk or from an earlier plan. Plans share it.
  std::shared_ptr<const Kernel> kernel(const KernelSource &source);
  // Has it compiled in the background: kernel() will be asked for it soon. [any]
  void begin_kernel(const KernelSource &source) const { compiler_->begin(source); }

  // What was taken of the device's memory when it was opened: by the driver, and by others.
  uint64_t taken_at_open() const { return taken_at_open_; }
  // What libraries and kernels take, and what the driver will still take for streams and events.
  uint64_t own_bytes() const;

  // The libraries, opened when a plan first needs them.
  const LtHandle &lt();
  CudnnSession &cudnn();

  // Whether the plans that are made now choose what is quickest here. Times differ from run to run,
  // and so may choices: where all runs must give the same bits, the library's first guess is taken.
  void choose_by_measuring(bool yes) { measures_ = yes; }
  bool measures() const { return measures_; }

  // What was found by measuring, kept on disk beside the kernels. The key says what was measured and
  // with which libraries; this GPU and its driver are added.
  std::optional<std::string> find_choice(const std::string &key) const;
  void keep_choice(const std::string &key, const std::string &choice);

 private:
  std::string choice_key(const std::string &key) const;

  std::string library_folder_;
  CUdevice device_ = 0;
  CUcontext context_ = nullptr;
  Target target_;
  std::unique_ptr<KernelCompiler> compiler_;
  std::map<std::string, std::shared_ptr<const Kernel>> kernels_;  // by key
  std::unique_ptr<LtHandle> lt_;
  std::unique_ptr<CudnnSession> cudnn_;
  bool measures_ = true;
  uint64_t taken_at_open_ = 0;
  uint64_t kernel_bytes_ = 0;  // of loaded images
};

}  // namespace flame::cuda
