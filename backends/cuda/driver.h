// The functions of the CUDA driver, and what becomes of its statuses.
#pragma once

#include <cuda.h>

#include <string>
#include <string_view>

#include "backends/cuda/shared_library.h"

namespace flame::cuda {

// Loaded once and never closed: the driver keeps threads of its own.
struct Driver {
  SharedLibrary library;
  int version;  // 13000 is 13.0

  decltype(&cuInit) init;
  decltype(&cuDriverGetVersion) get_version;
  decltype(&cuGetErrorName) error_name;
  decltype(&cuGetErrorString) error_text;

  decltype(&cuDeviceGetCount) device_count;
  decltype(&cuDeviceGet) device_of;
  decltype(&cuDeviceGetName) device_name;
  decltype(&cuDeviceTotalMem) device_memory;
  decltype(&cuDeviceGetAttribute) device_attribute;
  decltype(&cuDevicePrimaryCtxRetain) retain_context;
  decltype(&cuDevicePrimaryCtxRelease) release_context;
  decltype(&cuDevicePrimaryCtxGetState) context_state;
  decltype(&cuCtxSetCurrent) set_context;

  decltype(&cuMemGetInfo) memory_info;
  decltype(&cuMemAlloc) allocate;
  decltype(&cuMemFree) release;
  decltype(&cuMemHostAlloc) allocate_pinned;
  decltype(&cuMemFreeHost) release_pinned;
  decltype(&cuPointerGetAttributes) pointer_attributes;
  decltype(&cuMemcpyHtoDAsync) upload;
  decltype(&cuMemcpyDtoHAsync) download;
  decltype(&cuMemsetD8Async) fill_bytes;

  decltype(&cuStreamCreate) create_stream;
  decltype(&cuStreamDestroy) destroy_stream;
  decltype(&cuStreamSynchronize) synchronize;
  decltype(&cuStreamWaitEvent) wait_event;
  decltype(&cuEventCreate) create_event;
  decltype(&cuEventDestroy) destroy_event;
  decltype(&cuEventRecord) record_event;
  decltype(&cuEventSynchronize) synchronize_event;
  decltype(&cuEventElapsedTime) elapsed_time;

  decltype(&cuStreamBeginCapture) begin_capture;
  decltype(&cuStreamEndCapture) end_capture;
  decltype(&cuGraphInstantiateWithFlags) instantiate;
  decltype(&cuGraphUpload) upload_graph;
  decltype(&cuGraphLaunch) launch_graph;
  decltype(&cuGraphExecDestroy) destroy_executable;
  decltype(&cuGraphDestroy) destroy_graph;

  decltype(&cuModuleLoadData) load_module;
  decltype(&cuModuleUnload) unload_module;
  decltype(&cuModuleGetFunction) function_of;
  decltype(&cuFuncSetAttribute) set_function_attribute;
  decltype(&cuLaunchKernelEx) launch;

  Driver();
};

// The driver of this machine. Throws failed() with the reason if none answers. [any]
const Driver &driver();

// Throws if `status` is an error: OUT_OF_MEMORY, DEVICE_LOST after a fault that ends the context, or
// FAILED. The message names the function, what it was for and the driver's words.
void check(CUresult status, const char *function, std::string_view purpose = {});

}  // namespace flame::cuda
