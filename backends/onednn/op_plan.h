// The frame of an op: one function for each, in the file ops/<name>.cc, which is all that probe and
// plan ask:
//
//   std::unique_ptr<OpPlan> plan_<name>(const flame::Op &op);
//
// It checks everything that can be refused (flame::unsupported with the reason), is quick, and gives
// a plan that knows its sizes. For probe that is all; plan() then calls prepare().
#pragma once

#include <functional>
#include <memory>
#include <string_view>

#include "backends/onednn/engine.h"
#include "flame/backend.hpp"

namespace flame::onednn {

// The pieces of a plan's workspace, each aligned to 64 bytes. Offsets are handed out while the plan
// is made, and become addresses when it runs.
class Workspace {
 public:
  explicit Workspace(uint64_t &size) : size_(size) {}
  uint64_t reserve(uint64_t bytes) {
    const uint64_t offset = (size_ + 63) / 64 * 64;
    size_ = offset + bytes;
    return offset;
  }

 private:
  uint64_t &size_;  // OpInfo::workspace_size
};

// One run of a plan. Valid until execute() returns.
struct Run {
  TensorList inputs;
  TensorList outputs;
  char *workspace;
  dnnl::stream &stream;

  template <typename Element>
  const Element *input(uint32_t index) const {
    return reinterpret_cast<const Element *>(static_cast<const char *>(inputs[index]->data) +
                                             inputs[index]->byte_offset);
  }
  template <typename Element>
  Element *output(uint32_t index) const {
    return reinterpret_cast<Element *>(static_cast<char *>(outputs[index]->data) +
                                       outputs[index]->byte_offset);
  }
  // A piece of the workspace, by the offset that Workspace::reserve gave.
  template <typename Element>
  Element *scratch(uint64_t offset) const {
    return reinterpret_cast<Element *>(workspace + offset);
  }
};

// One op with all choices made. Runs one at a time.
class OpPlan : public flame::Plan {
 public:
  OpPlan() { info.flags = FLAME_OP_DETERMINISTIC; }

  // Called once, by plan(): prepare() with the device's number of threads.
  void prepare_with(Engine &engine);
  void run(const flame::Call &call, TensorList inputs, TensorList outputs) final;

 protected:
  // Makes primitives and reserves workspace: what costs more than a look at shapes. Plans of plain
  // loops reserve in their constructor, or need nothing.
  virtual void prepare(Engine &) {}
  // Runs with the threads of prepare(). Allocates nothing.
  virtual void execute(const Run &run) = 0;

  uint64_t reserve(uint64_t bytes) { return Workspace(info.workspace_size).reserve(bytes); }

 private:
  Engine *engine_ = nullptr;
};

// A plan of plain loops without primitives.
std::unique_ptr<OpPlan> plan_of(std::function<void(const Run &)> loops);

using OpPlanner = std::unique_ptr<OpPlan> (*)(const flame::Op &op);

// Null if this backend has no file for an op of that name. Made by the build.
OpPlanner find_planner(std::string_view op);

}  // namespace flame::onednn
