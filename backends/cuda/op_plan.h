// The frame of an op: one function for each, in the file ops/<name>.cc, which is all that probe and
// plan ask:
//
//   std::unique_ptr<OpPlan> plan_<name>(const flame::Op &op, const Target &target);
//
// It checks everything that can be refused (flame::unsupported with the reason), is quick, touches no
// GPU, and gives a plan that knows its sizes. For probe that is all; plan() then calls prepare().
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "backends/cuda/context.h"
#include "flame/backend.hpp"

namespace flame::cuda {

// The pieces of a plan's workspace, each aligned to 256 bytes. Offsets are handed out while the plan
// is made, and become addresses when it runs.
class Workspace {
 public:
  explicit Workspace(uint64_t &size) : size_(size) {}
  uint64_t reserve(uint64_t bytes) {
    const uint64_t offset = (size_ + 255) / 256 * 256;
    size_ = offset + bytes;
    return offset;
  }

 private:
  uint64_t &size_;  // OpInfo::workspace_size
};

// The address of a tensor's first element, on the device.
inline char *address_of(const flame_tensor &tensor) {
  return static_cast<char *>(tensor.data) + tensor.byte_offset;
}

// One run of a plan. Valid until execute() returns.
struct Run {
  TensorList inputs;
  TensorList outputs;
  char *workspace;
  CUstream stream;
};

// One op with all choices made. Runs one at a time.
class OpPlan : public flame::Plan {
 public:
  OpPlan() { info.flags = FLAME_OP_DETERMINISTIC | FLAME_OP_CAPTURE_SAFE; }

  // What prepare() will compile, as far as it is known by then.
  virtual std::vector<KernelSource> kernels() const { return {}; }
  // Called once, by plan(): prepare() on the context.
  void prepare_with(Context &context, std::string_view op);
  void run(const flame::Call &call, TensorList inputs, TensorList outputs) final;

 protected:
  // Compiles, loads, chooses algorithms: what costs more than a look at shapes.
  virtual void prepare(Context &context) = 0;
  // Enqueues on run.stream: no allocation, no waiting.
  virtual void execute(const Run &run) = 0;

  uint64_t reserve(uint64_t bytes) { return Workspace(info.workspace_size).reserve(bytes); }
  const std::string &op() const { return op_; }  // for messages

 private:
  const Context *context_ = nullptr;
  std::string op_;
};

using OpPlanner = std::unique_ptr<OpPlan> (*)(const flame::Op &op, const Target &target);

// Null if this backend has no file for an op of that name. Made by the build.
OpPlanner find_planner(std::string_view op);

}  // namespace flame::cuda
