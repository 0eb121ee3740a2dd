// A backend's library, opened as a host opens it, for tests of single ops.
#pragma once

#include <string>
#include <vector>

#include "fake_host.h"
#include "flame/flame.h"

namespace flame::backend_test {

// The first device of the first component of a plugin.
class OpenedBackend {
 public:
  explicit OpenedBackend(const std::string &file);
  ~OpenedBackend();
  OpenedBackend(const OpenedBackend &) = delete;
  OpenedBackend &operator=(const OpenedBackend &) = delete;

  // The status of the first function that fails; `message` then holds the reason.
  flame_status probe(const flame_op &op, flame_op_info &info);
  // Probes, plans and runs `op`, whose tensors have data.
  flame_status run(const flame_op &op);

  std::string message() const { return call_.message; }
  const flame_memory *memory;
  const flame_sync *sync;
  const flame_ops *ops;

 private:
  flame_test::FakeHost host_;
  flame_test::FakeCall call_;
  void *library_;
  const flame_plugin *plugin_;
  const flame_backend *backend_;
  flame_device *device_ = nullptr;
  flame_stream *stream_ = nullptr;
};

}  // namespace flame::backend_test
