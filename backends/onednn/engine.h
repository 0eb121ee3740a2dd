// What all plans of a device share: oneDNN's engine and stream, and the number of threads.
#pragma once

#include <dnnl.hpp>

namespace flame::onednn {

// Owned by the device, which outlives its plans.
struct Engine {
  explicit Engine(int thread_count)
      : threads(thread_count), engine(dnnl::engine::kind::cpu, 0), stream(engine) {}

  int threads;  // of oneDNN's loops and of our own: one pool of OpenMP
  dnnl::engine engine;
  dnnl::stream stream;
};

// The calling thread's parallel regions have that many threads as long as this lives. oneDNN lays
// out its work for the number that it finds when a primitive is made, and must find it again when
// the primitive runs, whichever thread of the host calls.
class ThreadScope {
 public:
  explicit ThreadScope(int threads);
  ~ThreadScope();
  ThreadScope(const ThreadScope &) = delete;
  ThreadScope &operator=(const ThreadScope &) = delete;

 private:
  int before_;
};

}  // namespace flame::onednn
