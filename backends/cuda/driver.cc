#include "backends/cuda/driver.h"

namespace flame::cuda {
namespace {

// After these nothing that this process asks of the device succeeds.
bool ends_context(CUresult status) {
  switch (status) {
    case CUDA_ERROR_ILLEGAL_ADDRESS:
    case CUDA_ERROR_LAUNCH_TIMEOUT:
    case CUDA_ERROR_ASSERT:
    case CUDA_ERROR_HARDWARE_STACK_ERROR:
    case CUDA_ERROR_ILLEGAL_INSTRUCTION:
    case CUDA_ERROR_MISALIGNED_ADDRESS:
    case CUDA_ERROR_INVALID_ADDRESS_SPACE:
    case CUDA_ERROR_INVALID_PC:
    case CUDA_ERROR_LAUNCH_FAILED:
    case CUDA_ERROR_ECC_UNCORRECTABLE:
    case CUDA_ERROR_CONTEXT_IS_DESTROYED:
    case CUDA_ERROR_DEVICE_UNAVAILABLE:
    case CUDA_ERROR_DEINITIALIZED:
      return true;
    default:
      return false;
  }
}

flame_status status_of(CUresult status) {
  if (status == CUDA_ERROR_OUT_OF_MEMORY) return FLAME_ERROR_OUT_OF_MEMORY;
  return ends_context(status) ? FLAME_ERROR_DEVICE_LOST : FLAME_ERROR_FAILED;
}

}  // namespace

// The symbols' own names: a header may hide another version behind the plain one.
Driver::Driver()
    : library({"the driver of NVIDIA GPUs", {"libcuda.so.1"}, "the driver of the GPU"}, "") {
  library.take("cuInit", init);
  library.take("cuDriverGetVersion", get_version);
  library.take("cuGetErrorName", error_name);
  library.take("cuGetErrorString", error_text);
  library.take("cuDeviceGetCount", device_count);
  library.take("cuDeviceGet", device_of);
  library.take("cuDeviceGetName", device_name);
  library.take("cuDeviceTotalMem_v2", device_memory);
  library.take("cuDeviceGetAttribute", device_attribute);
  library.take("cuDevicePrimaryCtxRetain", retain_context);
  library.take("cuDevicePrimaryCtxRelease_v2", release_context);
  library.take("cuDevicePrimaryCtxGetState", context_state);
  library.take("cuCtxSetCurrent", set_context);
  library.take("cuMemGetInfo_v2", memory_info);
  library.take("cuMemAlloc_v2", allocate);
  library.take("cuMemFree_v2", release);
  library.take("cuMemHostAlloc", allocate_pinned);
  library.take("cuMemFreeHost", release_pinned);
  library.take("cuPointerGetAttributes", pointer_attributes);
  library.take("cuMemcpyHtoDAsync_v2", upload);
  library.take("cuMemcpyDtoHAsync_v2", download);
  library.take("cuMemsetD8Async", fill_bytes);
  library.take("cuStreamCreate", create_stream);
  library.take("cuStreamDestroy_v2", destroy_stream);
  library.take("cuStreamSynchronize", synchronize);
  library.take("cuStreamWaitEvent", wait_event);
  library.take("cuEventCreate", create_event);
  library.take("cuEventDestroy_v2", destroy_event);
  library.take("cuEventRecord", record_event);
  library.take("cuEventSynchronize", synchronize_event);
  library.take("cuEventElapsedTime", elapsed_time);
  library.take("cuStreamBeginCapture_v2", begin_capture);
  library.take("cuStreamEndCapture", end_capture);
  library.take("cuGraphInstantiateWithFlags", instantiate);
  library.take("cuGraphUpload", upload_graph);
  library.take("cuGraphLaunch", launch_graph);
  library.take("cuGraphExecDestroy", destroy_executable);
  library.take("cuGraphDestroy", destroy_graph);
  library.take("cuModuleLoadData", load_module);
  library.take("cuModuleUnload", unload_module);
  library.take("cuModuleGetFunction", function_of);
  library.take("cuFuncSetAttribute", set_function_attribute);
  library.take("cuLaunchKernelEx", launch);
  if (const CUresult status = init(0)) {
    const char *words = nullptr;
    error_text(status, &words);
    throw flame::failed("the driver of NVIDIA GPUs does not start: ", words ? words : "no reason",
                        " (", static_cast<int>(status), ")");
  }
  get_version(&version);
}

const Driver &driver() {
  static const Driver *loaded = new Driver();
  return *loaded;
}

void check(CUresult status, const char *function, std::string_view purpose) {
  if (status == CUDA_SUCCESS) return;
  const char *name = nullptr;
  const char *words = nullptr;
  driver().error_name(status, &name);
  driver().error_text(status, &words);
  throw flame::Error(
      status_of(status),
      flame::text(purpose, purpose.empty() ? "" : ": ", function,
                  " failed: ", words ? words : "an error without words", " (",
                  name ? name : "unknown", " ", static_cast<int>(status), ")",
                  ends_context(status)
                      ? "; the device cannot be used any further by this process: start it again"
                      : ""));
}

}  // namespace flame::cuda
