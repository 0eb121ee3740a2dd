#include "backends/cuda/kernel_plan.h"

#include <algorithm>
#include <array>
#include <span>

namespace flame::cuda {
namespace {

constexpr size_t kMostArguments = 511;  // of 8 bytes; a kernel takes 4 KiB
// Before this a graph cannot hold launches that overlap.
constexpr int kOverlapsFrom = 12030;

uint64_t value_of(const Argument &argument, const Run &run) {
  switch (argument.kind) {
    case Argument::Kind::kInput:
      return reinterpret_cast<uint64_t>(address_of(*run.inputs[argument.index]) + argument.value);
    case Argument::Kind::kOutput:
      return reinterpret_cast<uint64_t>(address_of(*run.outputs[argument.index]) + argument.value);
    case Argument::Kind::kWorkspace:
      return reinterpret_cast<uint64_t>(run.workspace + argument.value);
    case Argument::Kind::kNumber:
      break;
  }
  return static_cast<uint64_t>(argument.value);
}

CUlaunchConfig config_of(uint32_t blocks, uint32_t threads, CUstream stream) {
  CUlaunchConfig config = {};
  config.gridDimX = blocks;
  config.blockDimX = threads;
  config.gridDimY = config.gridDimZ = config.blockDimY = config.blockDimZ = 1;
  config.hStream = stream;
  return config;
}

void start(const CUlaunchConfig &config, const Kernel &kernel, std::span<const uint64_t> arguments,
           std::string_view purpose) {
  size_t size = arguments.size_bytes();
  void *packed[] = {CU_LAUNCH_PARAM_BUFFER_POINTER, const_cast<uint64_t *>(arguments.data()),
                    CU_LAUNCH_PARAM_BUFFER_SIZE, &size, CU_LAUNCH_PARAM_END};
  check(driver().launch(&config, kernel.function(), nullptr, packed), "cuLaunchKernelEx", purpose);
}

}  // namespace

void allow_shared(const KernelLaunch &launch, const Kernel &kernel) {
  // Without leave a kernel has 48 KiB, which what it declares itself counts towards.
  if (launch.shared_bytes == 0) return;
  check(driver().set_function_attribute(kernel.function(),
                                        CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES,
                                        static_cast<int>(launch.shared_bytes)),
        "cuFuncSetAttribute", launch.source.entry);
}

void enqueue(const KernelLaunch &what, const Kernel &kernel, const Run &run,
             const std::string &op) {
  std::array<uint64_t, kMostArguments> values;
  for (size_t i = 0; i < what.arguments.size(); ++i) values[i] = value_of(what.arguments[i], run);
  CUlaunchConfig config = config_of(what.blocks, what.threads, run.stream);
  config.gridDimY = what.rows;
  config.sharedMemBytes = what.shared_bytes;
  CUlaunchAttribute overlap = {};
  overlap.id = CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_STREAM_SERIALIZATION;
  overlap.value.programmaticStreamSerializationAllowed = 1;
  config.attrs = &overlap;
  config.numAttrs = what.overlaps && driver().version >= kOverlapsFrom ? 1 : 0;
  start(config, kernel, {values.data(), what.arguments.size()}, op);
}

void OwnKernel::run(CUstream stream, int64_t blocks, uint32_t threads,
                    std::initializer_list<uint64_t> arguments) const {
  if (blocks == 0) return;
  start(config_of(static_cast<uint32_t>(blocks), threads, stream), *kernel_,
        {arguments.begin(), arguments.size()}, source_.entry);
}

void KernelPlan::add(KernelLaunch launch) {
  if (launch.blocks == 0 || launch.rows == 0) return;
  if (launch.arguments.size() > kMostArguments) {
    throw flame::unsupported("one kernel takes ", kMostArguments, " tensors at most, not ",
                             launch.arguments.size());
  }
  launches_.push_back(std::move(launch));
}

std::vector<KernelSource> KernelPlan::kernels() const {
  std::vector<KernelSource> sources;
  for (const KernelLaunch &launch : launches_) sources.push_back(launch.source);
  return sources;
}

void KernelPlan::prepare(Context &context) {
  for (const KernelLaunch &launch : launches_) {
    kernels_.push_back(context.kernel(launch.source));
    allow_shared(launch, *kernels_.back());
  }
}

void KernelPlan::execute(const Run &run) {
  for (size_t i = 0; i < launches_.size(); ++i) enqueue(launches_[i], *kernels_[i], run, op());
}

uint32_t block_count(int64_t count, int64_t each, int64_t most) {
  return static_cast<uint32_t>(std::min((count + each - 1) / each, most));
}

}  // namespace flame::cuda
