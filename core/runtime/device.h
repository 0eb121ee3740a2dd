// A device of a backend plugin, opened; every call into it goes through here.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <unordered_map>

#include "core/base/result.h"
#include "core/ops/catalogue/abi_op.h"
#include "core/passes/target.h"
#include "flame/backend.h"

namespace flame {

class Device;

// A backend component whose plugin is started. The table lives as long as the process.
struct Backend {
  std::string plugin_id;
  std::string component;
  const flame_backend *table = nullptr;
};

struct DeviceInfo {
  uint32_t number = FLAME_DEVICE_CPU;  // for flame_tensor.device
  std::string name;
  std::string description;
  uint64_t memory_total = 0;  // bytes; 0: unknown
  uint64_t memory_free = 0;
};

// How many devices answer now.
Result<uint32_t> count_devices(const Backend &backend);
Result<DeviceInfo> describe_device(const Backend &backend, uint32_t index);

// Bytes on the device, aligned to 256; given back at the end. Null if empty.
class DeviceMemory {
 public:
  DeviceMemory() = default;
  DeviceMemory(DeviceMemory &&other) noexcept { swap(other); }
  DeviceMemory &operator=(DeviceMemory &&other) noexcept { return swap(other), *this; }
  ~DeviceMemory();

  std::byte *data() const { return static_cast<std::byte *>(data_); }
  uint64_t size() const { return size_; }

 private:
  friend class Device;
  void swap(DeviceMemory &other) noexcept;
  const Device *device_ = nullptr;
  void *data_ = nullptr;
  uint64_t size_ = 0;
};

// A mark in a stream that others can wait for.
class DeviceEvent {
 public:
  DeviceEvent() = default;
  DeviceEvent(DeviceEvent &&other) noexcept { swap(other); }
  DeviceEvent &operator=(DeviceEvent &&other) noexcept { return swap(other), *this; }
  ~DeviceEvent();

 private:
  friend class Device;
  friend class DeviceStream;
  void swap(DeviceEvent &other) noexcept;
  const Device *device_ = nullptr;
  flame_event *event_ = nullptr;
};

// A queue of work of a device; synced before it is destroyed.
class DeviceStream {
 public:
  DeviceStream() = default;
  DeviceStream(DeviceStream &&other) noexcept { swap(other); }
  DeviceStream &operator=(DeviceStream &&other) noexcept { return swap(other), *this; }
  ~DeviceStream();

  flame_stream *get() const { return stream_; }
  // Returns when its work is done; errors of that work surface here.
  Status synchronize() const;
  // Marks the work so far; what is enqueued from now on waits for the mark.
  Status record(const DeviceEvent &event) const;
  Status wait(const DeviceEvent &event) const;

 private:
  friend class Device;
  friend class DeviceGraph;
  friend class OpPlan;
  void swap(DeviceStream &other) noexcept;
  const Device *device_ = nullptr;
  flame_stream *stream_ = nullptr;
  bool recording_ = false;
};

// Work that was recorded, ready to be enqueued whole. Ends before the plans and the memory that it
// uses.
class DeviceGraph {
 public:
  DeviceGraph() = default;
  DeviceGraph(DeviceGraph &&other) noexcept { swap(other); }
  DeviceGraph &operator=(DeviceGraph &&other) noexcept { return swap(other), *this; }
  ~DeviceGraph();

  explicit operator bool() const { return graph_ != nullptr; }
  // On any stream of the device.
  Status replay(const DeviceStream &stream) const;

 private:
  friend class Device;
  void swap(DeviceGraph &other) noexcept;
  const Device *device_ = nullptr;
  flame_graph *graph_ = nullptr;
};

// An op with its algorithm chosen. Its tensors are given at each run.
class OpPlan {
 public:
  OpPlan(const OpPlan &) = delete;
  OpPlan &operator=(const OpPlan &) = delete;
  ~OpPlan();

  const OpInfo &info() const { return info_; }
  // Enqueues it. `workspace` has info().workspace_size bytes, aligned to 256.
  Status run(const DeviceStream &stream, const AbiTensors &inputs, const AbiTensors &outputs,
             void *workspace) const;

 private:
  friend class Device;
  OpPlan(const Device &device, flame_plan *plan, OpInfo info)
      : device_(device), plan_(plan), info_(info) {}
  const Device &device_;
  flame_plan *plan_;
  OpInfo info_;
};

// Outlives its memory, streams, graphs and plans. Threads as the tables of flame/backend.h say.
class Device final : public Target {
 public:
  struct Settings {
    std::span<const flame_attribute> options;  // the component's, defaults filled in
    bool deterministic = false;                // FLAME_CALL_DETERMINISTIC in every call
  };

  // Opens device `index` and checks the tables that every device has.
  static Result<std::unique_ptr<Device>> open(const Backend &backend, uint32_t index,
                                              const Settings &settings);
  Device(const Device &) = delete;
  Device &operator=(const Device &) = delete;
  ~Device() override;

  std::string_view name() const override { return backend_.component; }
  const Backend &backend() const { return backend_; }
  const DeviceInfo &info() const { return info_; }
  bool readable_by_processor() const { return info_.number == FLAME_DEVICE_CPU; }
  bool deterministic() const { return call_flags_ & FLAME_CALL_DETERMINISTIC; }

  Result<DeviceMemory> allocate(uint64_t size) const;
  Result<DeviceStream> create_stream() const;
  Result<DeviceEvent> create_event() const;
  // Enqueue; the processor's memory stays valid and untouched until the stream is synced.
  Status upload(const DeviceStream &stream, std::span<const std::byte> from, void *to) const;
  Status download(const DeviceStream &stream, const void *from, std::span<std::byte> to) const;

  // Whether the backend offers flame.capture/1.
  bool can_record() const { return capture_ != nullptr; }
  // Whether streams that wait for a recorded one become branches of what is recorded.
  bool branches() const override;
  // Records what `enqueue` puts on the first stream instead of running it; the others are those
  // that it branches to. An error of `enqueue` is handed on, and nothing is kept.
  Result<DeviceGraph> record(std::span<DeviceStream> streams,
                             const std::function<Status()> &enqueue) const;

  // What is free on the device now; 0 if the backend does not know.
  Result<uint64_t> free_memory() const;

  // A deterministic device refuses what gives other bits in another run.
  Result<OpAnswer> probe(std::string_view op, const Attributes &attributes,
                         std::span<const TypedView> inputs,
                         std::span<const TypedView> outputs) override;
  Result<OpInfo> prepare(std::string_view op, const Attributes &attributes,
                         std::span<const TypedView> inputs,
                         std::span<const TypedView> outputs) override;
  Result<OwnMemory> own_memory() override;
  // The plan for an op that probe accepts; made once for equal ops on tensors that lie alike.
  Result<std::shared_ptr<const OpPlan>> plan(std::string_view op, const Attributes &attributes,
                                             std::span<const TypedView> inputs,
                                             std::span<const TypedView> outputs);
  // Forgets the plans that nobody holds.
  void drop_unused_plans();

 private:
  friend class DeviceMemory;
  friend class DeviceStream;
  friend class DeviceEvent;
  friend class DeviceGraph;
  friend class OpPlan;
  Device(Backend backend, flame_device *handle, DeviceInfo info, uint32_t index,
         uint32_t call_flags);
  Status take_tables();

  Backend backend_;
  flame_device *handle_;
  DeviceInfo info_;
  uint32_t index_;
  uint32_t call_flags_;
  const flame_memory *memory_ = nullptr;
  const flame_sync *sync_ = nullptr;
  const flame_ops *ops_ = nullptr;
  const flame_capture *capture_ = nullptr;  // null if the backend does not offer it
  std::unordered_map<std::string, std::shared_ptr<const OpPlan>> plans_;  // by op_signature()
};

}  // namespace flame
