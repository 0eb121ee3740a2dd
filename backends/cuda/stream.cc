#include "backends/cuda/stream.h"

namespace flame::cuda {

GpuEvent::GpuEvent(const Context &context) : context_(context) {
  context_.make_current();
  check(driver().create_event(&event_, CU_EVENT_DISABLE_TIMING), "cuEventCreate");
}

GpuEvent::~GpuEvent() {
  driver().destroy_event(event_);
}

// Uploaded at once: what a graph takes of the device's memory is taken before the first replay.
GpuGraph::GpuGraph(const Context &context, CUgraph graph, CUstream stream) : context_(context) {
  context_.make_current();
  const CUresult made = driver().instantiate(&executable_, graph, 0);
  driver().destroy_graph(graph);
  check(made, "cuGraphInstantiate", "capture");
  CUresult uploaded = driver().upload_graph(executable_, stream);
  if (uploaded == CUDA_SUCCESS) uploaded = driver().synchronize(stream);
  if (uploaded != CUDA_SUCCESS) driver().destroy_executable(executable_);
  check(uploaded, "cuGraphUpload", "capture");
}

GpuGraph::~GpuGraph() {
  driver().destroy_executable(executable_);
}

GpuStream::GpuStream(const Context &context) : context_(context) {
  context_.make_current();
  check(driver().create_stream(&stream_, CU_STREAM_NON_BLOCKING), "cuStreamCreate");
}

GpuStream::~GpuStream() {
  driver().destroy_stream(stream_);
}

void GpuStream::record(flame::Event &event) {
  context_.make_current();
  check(driver().record_event(static_cast<GpuEvent &>(event).get(), stream_), "cuEventRecord");
}

void GpuStream::wait(flame::Event &event) {
  context_.make_current();
  check(driver().wait_event(stream_, static_cast<GpuEvent &>(event).get(), 0), "cuStreamWaitEvent");
}

void GpuStream::synchronize() {
  context_.make_current();
  check(driver().synchronize(stream_), "cuStreamSynchronize", "work of a stream");
}

// Relaxed: libraries load their kernels when they are first enqueued, which may be now, and what
// other threads of the process do meanwhile disturbs no capture.
void GpuStream::begin_capture() {
  context_.make_current();
  check(driver().begin_capture(stream_, CU_STREAM_CAPTURE_MODE_RELAXED), "cuStreamBeginCapture",
        "capture");
}

std::unique_ptr<flame::Graph> GpuStream::end_capture() {
  context_.make_current();
  CUgraph graph = nullptr;
  check(driver().end_capture(stream_, &graph), "cuStreamEndCapture", "capture");
  return std::make_unique<GpuGraph>(context_, graph, stream_);
}

void GpuStream::replay(flame::Graph &graph) {
  context_.make_current();
  check(driver().launch_graph(static_cast<GpuGraph &>(graph).get(), stream_), "cuGraphLaunch",
        "replay");
}

}  // namespace flame::cuda
