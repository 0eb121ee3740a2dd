// Streams, events and captured graphs of a GPU.
#pragma once

#include "backends/cuda/context.h"
#include "flame/backend.hpp"

namespace flame::cuda {

class GpuEvent : public flame::Event {
 public:
  explicit GpuEvent(const Context &context);
  ~GpuEvent() override;
  CUevent get() const { return event_; }

 private:
  const Context &context_;
  CUevent event_ = nullptr;
};

// A captured piece of work, ready to be enqueued again and again.
class GpuGraph : public flame::Graph {
 public:
  // Takes the graph; `stream` is one to prepare it on.
  GpuGraph(const Context &context, CUgraph graph, CUstream stream);
  ~GpuGraph() override;
  CUgraphExec get() const { return executable_; }

 private:
  const Context &context_;
  CUgraphExec executable_ = nullptr;
};

class GpuStream : public flame::Stream {
 public:
  explicit GpuStream(const Context &context);
  ~GpuStream() override;

  void record(flame::Event &event) override;
  void wait(flame::Event &event) override;
  void synchronize() override;
  void begin_capture() override;
  std::unique_ptr<flame::Graph> end_capture() override;
  void replay(flame::Graph &graph) override;

  CUstream get() const { return stream_; }

 private:
  const Context &context_;
  CUstream stream_ = nullptr;
};

// The driver's stream of a call.
inline CUstream stream_of(const flame::Call &call) {
  return static_cast<GpuStream &>(call.stream()).get();
}

}  // namespace flame::cuda
