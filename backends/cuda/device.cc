#include "backends/cuda/device.h"

#include "backends/cuda/cublaslt.h"
#include "backends/cuda/cudnn.h"
#include "backends/cuda/op_plan.h"
#include "flame/log.hpp"

namespace flame::cuda {
namespace {

// Of the device's memory, as measured: what a graph with branches takes beside its ops, and what each
// op takes of one whose kernels run one after the other.
constexpr uint64_t kBranchedGraph = 12 << 20;
constexpr uint64_t kStraightOp = 5 << 10;

// The CPU is 0.
uint32_t device_number(uint32_t index) {
  return index + 1;
}

template <typename Look>
std::string found(const Look &look) {
  try {
    return look();
  } catch (const flame::Error &error) {
    return flame::text("missing: ", error.what());
  }
}

// Looked up once: opening the libraries takes a while.
const std::string &library_versions() {
  static const std::string versions = [] {
    const int version = driver().version;
    return flame::text("driver for CUDA ", version / 1000, ".", version % 1000 / 10, ", ",
                       found([&] { return "NVRTC " + Nvrtc("", version).version(); }), ", ",
                       found([&] { return "cuBLASLt " + CublasLt("", version).version(); }), ", ",
                       found([&] { return "cuDNN " + Cudnn("").version(); }));
  }();
  return versions;
}

// Told inside a context alone; making one takes memory itself, so 0 without one.
uint64_t free_memory(CUdevice device) {
  unsigned flags = 0;
  int active = 0;
  check(driver().context_state(device, &flags, &active), "cuDevicePrimaryCtxGetState");
  if (!active) return 0;
  CUcontext context = nullptr;
  check(driver().retain_context(&context, device), "cuDevicePrimaryCtxRetain");
  size_t available = 0;
  size_t total = 0;
  CUresult status = driver().set_context(context);
  if (status == CUDA_SUCCESS) status = driver().memory_info(&available, &total);
  driver().release_context(device);
  check(status, "cuMemGetInfo");
  return available;
}

flame::DeviceInfo info_of(int index) {
  CUdevice device = 0;
  check(driver().device_of(&device, index), "cuDeviceGet");
  char name[256] = {};
  check(driver().device_name(name, sizeof name, device), "cuDeviceGetName");
  size_t total = 0;
  check(driver().device_memory(&total, device), "cuDeviceTotalMem");
  int major = 0;
  int minor = 0;
  driver().device_attribute(&major, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR, device);
  driver().device_attribute(&minor, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR, device);
  return {name, flame::text("compute capability ", major, ".", minor, ", ", library_versions()),
          device_number(static_cast<uint32_t>(index)), total, free_memory(device)};
}

OpPlanner planner_of(const flame::Op &op) {
  if (const OpPlanner planner = find_planner(op.name())) return planner;
  throw flame::unsupported("cuda has no op '", op.name(), "'");
}

}  // namespace

std::vector<flame::DeviceInfo> Gpu::devices() {
  std::vector<flame::DeviceInfo> out;
  try {
    int count = 0;
    check(driver().device_count(&count), "cuDeviceGetCount");
    for (int index = 0; index < count; ++index) out.push_back(info_of(index));
  } catch (const flame::Error &error) {
    flame::log_info("no GPU answers: ", error.what());
  }
  return out;
}

Gpu::Gpu(uint32_t index, const Options &options)
    : number_(device_number(index)),
      context_(index, options.libraries.value_or(""), options.cache.value_or(""), options.tf32),
      staging_(context_) {}

void *Gpu::allocate(uint64_t size) {
  context_.make_current();
  CUdeviceptr memory = 0;
  const CUresult status = driver().allocate(&memory, size);
  if (status == CUDA_ERROR_OUT_OF_MEMORY) {
    size_t available = 0;
    size_t total = 0;
    driver().memory_info(&available, &total);
    throw flame::out_of_memory(size, " bytes were asked for, but ", available, " of ", total,
                               " bytes of the GPU are free");
  }
  check(status, "cuMemAlloc");
  return reinterpret_cast<void *>(memory);
}

void Gpu::release(void *memory) noexcept {
  // A fault of the device was told where it happened; memory of a lost context is gone already.
  try {
    context_.make_current();
    check(driver().release(reinterpret_cast<CUdeviceptr>(memory)), "cuMemFree");
  } catch (const flame::Error &error) {
    flame::log_debug(error.what());
  }
}

void Gpu::upload(const flame::Call &call, const void *from, void *to, uint64_t size) {
  if (call.capturing()) throw flame::unsupported("an upload cannot be captured");
  if (size == 0) return;
  context_.make_current();
  staging_.upload(stream_of(call), from, to, size);
}

void Gpu::download(const flame::Call &call, const void *from, void *to, uint64_t size) {
  if (call.capturing()) throw flame::unsupported("a download cannot be captured");
  if (size == 0) return;
  context_.make_current();
  check(driver().download(to, reinterpret_cast<CUdeviceptr>(from), size, stream_of(call)),
        "cuMemcpyDtoHAsync", "download");
}

flame::OwnMemory Gpu::own_memory() {
  return {context_.taken_at_open(), context_.own_bytes(), kBranchedGraph, kStraightOp};
}

std::unique_ptr<flame::Stream> Gpu::create_stream() {
  return std::make_unique<GpuStream>(context_);
}

std::unique_ptr<flame::Event> Gpu::create_event() {
  return std::make_unique<GpuEvent>(context_);
}

flame::OpInfo Gpu::probe(const flame::Call &call, const flame::Op &op) const {
  Target target = context_.target();
  target.deterministic = call.deterministic();
  const std::unique_ptr<OpPlan> plan = planner_of(op)(op, target);
  for (const KernelSource &kernel : plan->kernels()) context_.begin_kernel(kernel);
  return plan->info;
}

std::unique_ptr<flame::Plan> Gpu::plan(const flame::Call &call, const flame::Op &op) {
  Target target = context_.target();
  target.deterministic = call.deterministic();
  context_.choose_by_measuring(!call.deterministic());
  std::unique_ptr<OpPlan> plan = planner_of(op)(op, target);
  plan->prepare_with(context_, op.name());
  return plan;
}

}  // namespace flame::cuda
