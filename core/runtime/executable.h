// A placed program with its plans and its memory: ready to run, again and again.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/passes/placed_program.h"
#include "core/runtime/tensor_store.h"

namespace flame {

struct Branches;

// One thread at a time; the device outlives it. All memory is there and every plan is made when
// make() returns: run() allocates nothing and does nothing but call the backend. Values that change
// from run to run are tensors: written between runs, or by another program of the same store.
class Executable {
 public:
  enum class Runs {
    kOnce,
    // Recorded whole, where the backend and every op allow it: a run is one call. Where the backend
    // branches, steps that need nothing of each other run side by side.
    kOften
  };
  // Inputs and parameters are the store's tensors of those names; the outputs are the executable's
  // own. Errors: kOutOfMemory lists what the program needs, class by class.
  static Result<std::unique_ptr<Executable>> make(PlacedProgram placed, TensorStore &store,
                                                  Runs runs = Runs::kOften);
  Executable(const Executable &) = delete;
  Executable &operator=(const Executable &) = delete;

  const PlacedProgram &placed() const { return placed_; }
  const Device &device() const { return device_; }

  // Enqueues every op. An error names the op and its place, unless the run is a recorded one.
  Status run(const DeviceStream &stream) const;
  // Whether a run replays what was recorded.
  bool is_recorded() const { return static_cast<bool>(graph_); }

  // Copy to an input or parameter, and from any named tensor (an output first): as Device::upload
  // and download. Errors: no such name, another size.
  Status write(const DeviceStream &stream, std::string_view name,
               std::span<const std::byte> bytes) const;
  Status read(const DeviceStream &stream, std::string_view name, std::span<std::byte> bytes) const;

  // The memory of a storage of placed(), in the arena or outside of it.
  std::byte *address(uint32_t storage) const;

  // What one step gets.
  struct Bound {
    std::shared_ptr<const OpPlan> plan;
    AbiTensors inputs;
    AbiTensors outputs;
    void *workspace = nullptr;
  };
  const std::vector<Bound> &steps() const { return steps_; }

  // One graph of executables of one device, each behind the one before it, whether they were made to
  // run once or often; none where the backend or an op does not allow it. They outlive the graph.
  static Result<DeviceGraph> record(std::span<const Executable *const> parts);

 private:
  explicit Executable(PlacedProgram placed, Device &device)
      : placed_(std::move(placed)), device_(device) {}
  Status bind(TensorStore &store, Runs runs);
  Status bind_memory(TensorStore &store);
  Status bind_steps();
  bool can_be_recorded() const;
  Status enqueue(const Branches &branches, std::span<const DeviceStream> lanes) const;
  Status run_step(size_t index, const DeviceStream &stream) const;
  AbiTensors bound(const std::vector<PlacedTensor> &tensors) const;

  PlacedProgram placed_;
  Device &device_;
  std::shared_ptr<const DeviceMemory> arena_;
  std::vector<MemoryPiece> externals_;  // by storage; empty for the arena's
  std::vector<Bound> steps_;
  DeviceGraph graph_;
};

}  // namespace flame
