#include "backends/cuda/kernel_plan.h"

#include <algorithm>
#include <array>

namespace flame::cuda {
namespace {

constexpr size_t kMostArguments = 511;  // of 8 bytes; a kernel takes 4 KiB

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
  size_t size = what.arguments.size() * sizeof(uint64_t);
  void *packed[] = {CU_LAUNCH_PARAM_BUFFER_POINTER, values.data(), CU_LAUNCH_PARAM_BUFFER_SIZE,
                    &size, CU_LAUNCH_PARAM_END};
  check(driver().launch(kernel.function(), what.blocks, what.rows, 1, what.threads, 1, 1,
                        what.shared_bytes, run.stream, nullptr, packed),
        "cuLaunchKernel", op);
}

void OwnKernel::run(CUstream stream, int64_t blocks, uint32_t threads,
                    std::initializer_list<uint64_t> arguments) const {
  if (blocks == 0) return;
  size_t size = arguments.size() * sizeof(uint64_t);
  void *packed[] = {CU_LAUNCH_PARAM_BUFFER_POINTER, const_cast<uint64_t *>(arguments.begin()),
                    CU_LAUNCH_PARAM_BUFFER_SIZE, &size, CU_LAUNCH_PARAM_END};
  check(driver().launch(kernel_->function(), static_cast<uint32_t>(blocks), 1, 1, threads, 1, 1, 0,
                        stream, nullptr, packed),
        "cuLaunchKernel", source_.entry);
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
