#include "backends/cuda/kernel_compiler.h"

#include <algorithm>

#include "backends/cuda/kernel_files.h"

namespace flame::cuda {
namespace {

// A change of any kernel file makes all kept kernels stale.
const std::string &version_of_files() {
  static const std::string version = [] {
    uint64_t hash = hash_of("");
    for (const KernelFile &file : kernel_files())
      hash = hash_of(file.text, hash_of(file.name, hash));
    return flame::text(hash);
  }();
  return version;
}

size_t most_threads() {
  return std::max(std::thread::hardware_concurrency(), 1u);
}

}  // namespace

std::vector<std::string> compile_options(const std::string &architecture, bool may_contract) {
  return {"--gpu-architecture=" + architecture, "--std=c++17",
          "--device-as-default-execution-space", may_contract ? "--fmad=true" : "--fmad=false"};
}

KernelCompiler::KernelCompiler(const std::string &library_folder, const std::string &cache_folder,
                               int driver_version, int capability)
    : nvrtc_(library_folder, driver_version),
      architecture_(nvrtc_.architecture_for(capability)),
      cache_(cache_folder) {}

KernelCompiler::~KernelCompiler() {
  {
    const std::lock_guard lock(mutex_);
    ends_ = true;
  }
  changed_.notify_all();
  for (std::thread &thread : threads_) thread.join();
}

std::string KernelCompiler::key_of(const KernelSource &source) const {
  std::string key = flame::text("NVRTC ", nvrtc_.version(), ", files ", version_of_files(), "\n");
  for (const std::string &option : compile_options(architecture_, source.may_contract))
    key += option + " ";
  return key + "\n" + source.text();
}

std::string KernelCompiler::compile(const std::string &key, const KernelSource &source) {
  if (std::optional<std::string> kept = cache_.find(key)) return std::move(*kept);
  std::string image =
      nvrtc_.compile(source.text(), compile_options(architecture_, source.may_contract));
  cache_.keep(key, image);
  return image;
}

void KernelCompiler::begin(const KernelSource &source) {
  std::string key = key_of(source);
  const std::lock_guard lock(mutex_);
  if (!works_.try_emplace(key, Work{source, Work::State::kWaiting, {}, {}}).second) return;
  waiting_.push_back(std::move(key));
  if (waiting_.size() > idle_ && threads_.size() < most_threads())
    threads_.emplace_back([this] { serve(); });
  changed_.notify_all();
}

void KernelCompiler::serve() {
  std::unique_lock lock(mutex_);
  while (true) {
    ++idle_;
    changed_.wait(lock, [this] { return ends_ || !waiting_.empty(); });
    --idle_;
    if (ends_) return;
    const std::string key = std::move(waiting_.front());
    waiting_.pop_front();
    Work &work = works_.at(key);
    if (work.state == Work::State::kWaiting) finish(key, work, lock);
  }
}

void KernelCompiler::finish(const std::string &key, Work &work,
                            std::unique_lock<std::mutex> &lock) {
  work.state = Work::State::kBegun;
  lock.unlock();
  std::string image;
  std::exception_ptr error;
  try {
    image = compile(key, work.source);
  } catch (...) {
    error = std::current_exception();
  }
  lock.lock();
  work.image = std::move(image);
  work.error = error;
  work.state = Work::State::kDone;
  changed_.notify_all();
}

std::string KernelCompiler::image(const KernelSource &source) {
  const std::string key = key_of(source);
  std::unique_lock lock(mutex_);
  Work &work = works_.try_emplace(key, Work{source, Work::State::kWaiting, {}, {}}).first->second;
  if (work.state == Work::State::kWaiting) finish(key, work, lock);
  changed_.wait(
      lock, [&] { return work.state == Work::State::kDone || work.state == Work::State::kTaken; });
  if (work.error) std::rethrow_exception(work.error);
  if (work.state == Work::State::kTaken) {
    lock.unlock();
    return compile(key, source);
  }
  work.state = Work::State::kTaken;
  return std::move(work.image);
}

}  // namespace flame::cuda
