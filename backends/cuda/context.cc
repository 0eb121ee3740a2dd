#include "backends/cuda/context.h"

namespace flame::cuda {
namespace {

// Measured on an H200 with cuDNN 9.19 and CUDA 13: what is taken is told by the libraries alone after
// the fact, and by the driver for all processes together.
constexpr uint64_t kOfCudnn = 14 << 20;     // with the kernels that it loads when they first run
constexpr uint64_t kOfLibraries = 6 << 20;  // of cuBLASLt
constexpr uint64_t kOfDriver = 11 << 20;    // streams, events, and blocks that are not filled

int attribute(CUdevice device, CUdevice_attribute which) {
  int value = 0;
  check(driver().device_attribute(&value, which, device), "cuDeviceGetAttribute");
  return value;
}

}  // namespace

Kernel::Kernel(const std::string &image, const char *entry) {
  check(driver().load_module(&module_, image.data()), "cuModuleLoadData", entry);
  check(driver().function_of(&function_, module_, entry), "cuModuleGetFunction", entry);
}

Kernel::~Kernel() {
  driver().unload_module(module_);
}

Context::Context(uint32_t index, const std::string &library_folder, const std::string &cache_folder,
                 bool tf32)
    : library_folder_(library_folder) {
  check(driver().device_of(&device_, static_cast<int>(index)), "cuDeviceGet");
  target_.capability = attribute(device_, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR) * 10 +
                       attribute(device_, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR);
  target_.multiprocessors = attribute(device_, CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT);
  target_.tf32 = tf32;
  if (target_.capability < 80) {
    throw flame::unsupported("the GPU has compute capability ", target_.capability / 10, ".",
                             target_.capability % 10,
                             ", but the backend needs 8.0 or more (Ampere, 2020)");
  }
  compiler_ = std::make_unique<KernelCompiler>(library_folder, cache_folder, driver().version,
                                               target_.capability);
  check(driver().retain_context(&context_, device_), "cuDevicePrimaryCtxRetain");
  make_current();
  size_t available = 0;
  size_t total = 0;
  check(driver().memory_info(&available, &total), "cuMemGetInfo");
  taken_at_open_ = total - available;
}

Context::~Context() {
  driver().set_context(context_);
  kernels_.clear();
  cudnn_.reset();
  lt_.reset();
  driver().release_context(device_);
}

void Context::make_current() const {
  check(driver().set_context(context_), "cuCtxSetCurrent");
}

std::shared_ptr<const Kernel> Context::kernel(const KernelSource &source) {
  std::shared_ptr<const Kernel> &kept = kernels_[compiler_->key_of(source) + source.entry];
  if (kept) return kept;
  const std::string image = compiler_->image(source);
  kernel_bytes_ += image.size();
  make_current();
  kept = std::make_shared<Kernel>(image, source.entry);
  return kept;
}

uint64_t Context::own_bytes() const {
  return (cudnn_ ? kOfCudnn : 0) + (lt_ ? kOfLibraries : 0) + kOfDriver + kernel_bytes_;
}

const LtHandle &Context::lt() {
  make_current();
  if (!lt_) lt_ = std::make_unique<LtHandle>(library_folder_);
  return *lt_;
}

CudnnSession &Context::cudnn() {
  make_current();
  if (!cudnn_) cudnn_ = open_cudnn(library_folder_);
  return *cudnn_;
}

std::string Context::choice_key(const std::string &key) const {
  char name[256] = {};
  check(driver().device_name(name, sizeof name, device_), "cuDeviceGetName");
  return flame::text("choice on ", static_cast<const char *>(name), ", driver ", driver().version,
                     ", ", key);
}

std::optional<std::string> Context::find_choice(const std::string &key) const {
  return compiler_->cache().find(choice_key(key));
}

void Context::keep_choice(const std::string &key, const std::string &choice) {
  compiler_->cache().keep(choice_key(key), choice);
}

}  // namespace flame::cuda
