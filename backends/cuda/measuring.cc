#include "backends/cuda/measuring.h"

#include <algorithm>
#include <array>

#include "backends/cuda/kernel_plan.h"

namespace flame::cuda {
namespace {

constexpr int kRunsOfGraph = 6;
constexpr int kReplays = 5;
constexpr double kHopeless = 1.5;    // of the quickest time: measured once alone
constexpr double kNear = 1.12;       // of it: measured again in turn
constexpr int kRounds = 3;           // of measuring again
constexpr double kClearGain = 0.98;  // of the time of the library's own first choice
constexpr int64_t kBlocks = 1024;
constexpr uint32_t kThreads = 256;

struct Event {
  CUevent event = nullptr;
  Event() { check(driver().create_event(&event, CU_EVENT_DEFAULT), "cuEventCreate"); }
  ~Event() { driver().destroy_event(event); }
};

struct Executable {
  CUgraphExec graph = nullptr;
  ~Executable() {
    if (graph) driver().destroy_executable(graph);
  }
};

CUgraphExec record(CUstream stream, const std::function<void(CUstream)> &enqueue) {
  check(driver().begin_capture(stream, CU_STREAM_CAPTURE_MODE_THREAD_LOCAL),
        "cuStreamBeginCapture");
  CUgraph graph = nullptr;
  try {
    for (int i = 0; i < kRunsOfGraph; ++i) enqueue(stream);
  } catch (...) {
    driver().end_capture(stream, &graph);
    if (graph) driver().destroy_graph(graph);
    throw;
  }
  check(driver().end_capture(stream, &graph), "cuStreamEndCapture");
  CUgraphExec executable = nullptr;
  const CUresult status = driver().instantiate(&executable, graph, 0);
  driver().destroy_graph(graph);
  check(status, "cuGraphInstantiate");
  return executable;
}

}  // namespace

Scratch::Scratch(Context &context, const std::vector<uint64_t> &sizes) {
  OwnKernel numbers({"scratch.cu", "", "scratch"});
  numbers.prepare(context);
  context.make_current();
  check(driver().create_stream(&stream_, CU_STREAM_NON_BLOCKING), "cuStreamCreate");
  for (const uint64_t size : sizes) {
    CUdeviceptr memory = 0;
    ok_ = ok_ && driver().allocate(&memory, std::max<uint64_t>(size, 1)) == CUDA_SUCCESS;
    if (!ok_) return;
    buffers_.push_back(reinterpret_cast<char *>(memory));
    numbers.run(stream_, kBlocks, kThreads, {memory, size / sizeof(uint32_t)});
  }
}

Scratch::~Scratch() {
  driver().synchronize(stream_);
  for (char *buffer : buffers_) driver().release(reinterpret_cast<CUdeviceptr>(buffer));
  driver().destroy_stream(stream_);
}

double Scratch::measure(const std::function<void(CUstream)> &enqueue) const {
  enqueue(stream_);  // loads the library's kernels
  check(driver().synchronize(stream_), "cuStreamSynchronize");
  const Executable runs = {record(stream_, enqueue)};
  const Event start;
  const Event end;
  check(driver().launch_graph(runs.graph, stream_), "cuGraphLaunch");
  std::array<float, kReplays> times;
  for (float &milliseconds : times) {
    check(driver().record_event(start.event, stream_), "cuEventRecord");
    check(driver().launch_graph(runs.graph, stream_), "cuGraphLaunch");
    check(driver().record_event(end.event, stream_), "cuEventRecord");
    check(driver().synchronize_event(end.event), "cuEventSynchronize");
    check(driver().elapsed_time(&milliseconds, start.event, end.event), "cuEventElapsedTime");
  }
  std::sort(times.begin(), times.end());
  return static_cast<double>(times[kReplays / 2]) * 1e3 / kRunsOfGraph;
}

size_t quickest(size_t count, const std::function<double(size_t)> &time_of) {
  std::vector<double> times;
  for (size_t i = 0; i < count; ++i) times.push_back(time_of(i));
  // The first ones found a cool GPU, whose clock is higher: what counts is the second time.
  double best = *std::min_element(times.begin(), times.end());
  for (size_t i = 0; i < count; ++i)
    if (times[i] <= best * kHopeless) times[i] = time_of(i);
  best = *std::min_element(times.begin(), times.end());
  std::vector<size_t> near;
  for (size_t i = 0; i < count; ++i)
    if (times[i] <= best * kNear) near.push_back(i);
  if (near.size() == 1) return near.front();
  for (const size_t i : near) times[i] = 0;
  for (int round = 0; round < kRounds; ++round) {
    for (const size_t i : near) times[i] += time_of(i);
  }
  size_t chosen = near.front();
  for (const size_t i : near)
    if (times[i] < times[chosen] * kClearGain) chosen = i;
  return chosen;
}

}  // namespace flame::cuda
