// Compiles kernels, several at once: what probe was asked of is mostly what is planned soon.
#pragma once

#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <vector>

#include "backends/cuda/kernel_cache.h"
#include "backends/cuda/kernel_source.h"
#include "backends/cuda/nvrtc.h"

namespace flame::cuda {

// The compiler of one device's kernels with what is kept on disk. Threads start when there is work
// for them, one for each of the processor's at most; what is still waiting at the end is dropped.
class KernelCompiler {
 public:
  // `capability` is the device's: 90 is 9.0.
  KernelCompiler(const std::string &library_folder, const std::string &cache_folder,
                 int driver_version, int capability);
  ~KernelCompiler();
  KernelCompiler(const KernelCompiler &) = delete;
  KernelCompiler &operator=(const KernelCompiler &) = delete;

  // What the machine code depends on.
  std::string key_of(const KernelSource &source) const;
  // Has it compiled by another thread, unless that was begun before. [any]
  void begin(const KernelSource &source);
  // The machine code: waits for who compiles it, or does so itself. Throws the compiler's error. [any]
  std::string image(const KernelSource &source);

  // The files beside the kernels. [any]
  const KernelCache &cache() const { return cache_; }
  KernelCache &cache() { return cache_; }

 private:
  struct Work {
    enum class State {
      kWaiting,
      kBegun,
      kDone,
      kTaken  // its image was handed out and is no longer held
    };
    KernelSource source;
    State state = State::kWaiting;
    std::string image;
    std::exception_ptr error;
  };

  std::string compile(const std::string &key, const KernelSource &source);
  // Compiles and leaves image or error in the work; `lock` is held before and after.
  void finish(const std::string &key, Work &work, std::unique_lock<std::mutex> &lock);
  void serve();

  Nvrtc nvrtc_;
  std::string architecture_;
  KernelCache cache_;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::unordered_map<std::string, Work> works_;  // by key; entries stay where they are
  std::deque<std::string> waiting_;
  size_t idle_ = 0;
  bool ends_ = false;
  std::vector<std::thread> threads_;
};

// What all kernels are compiled with, for "sm_90".
std::vector<std::string> compile_options(const std::string &architecture, bool may_contract);

}  // namespace flame::cuda
