// A backend: one class for a device, and one each for its streams, events and plans.
//
// The class that is registered derives from Device and has, besides its virtuals,
//   static std::vector<flame::DeviceInfo> devices();          // what answers now
//   MyDevice(uint32_t index, const Options &options);         // or (uint32_t index)
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "flame/backend.h"
#include "flame/component.hpp"
#include "flame/tensor.hpp"

namespace flame {
inline namespace sdk {

// See flame_device_info.
struct DeviceInfo {
  std::string name;
  std::string description;             // driver, library versions: what a bug report needs
  uint32_t device = FLAME_DEVICE_CPU;  // goes into flame_tensor.device
  uint64_t memory_total = 0;           // bytes; 0 if unknown
  uint64_t memory_free = 0;
};

class Stream;

// What the host hands to functions that enqueue work. Valid until they return.
class Call {
 public:
  explicit Call(const flame_call *call) : call_(call) {}

  Stream &stream() const { return *reinterpret_cast<Stream *>(call_->stream); }
  void *workspace() const { return call_->workspace; }  // 256-aligned; as large as the plan said
  uint64_t workspace_size() const { return call_->workspace_size; }
  bool capturing() const { return call_->flags & FLAME_CALL_CAPTURING; }
  bool deterministic() const { return call_->flags & FLAME_CALL_DETERMINISTIC; }

 private:
  const flame_call *call_;
};

// One op that the host asks about. Its tensors have no data. Valid until the call returns.
class Op {
 public:
  explicit Op(const flame_op *op) : op_(op) {}

  std::string_view name() const { return view(op_->name); }
  uint32_t input_count() const { return op_->input_count; }
  uint32_t output_count() const { return op_->output_count; }
  const flame_tensor &input(uint32_t index) const { return *op_->inputs[index]; }
  const flame_tensor &output(uint32_t index) const { return *op_->outputs[index]; }
  Attributes attributes() const { return Attributes(op_->attributes, op_->attribute_count); }

 private:
  const flame_op *op_;
};

// What a plan needs and promises; see flame_op_info.
struct OpInfo {
  uint32_t flags = 0;  // FLAME_OP_…
  uint64_t workspace_size = 0;
  uint64_t in_place_mask = 0;
  uint64_t recorded_size = 0;
};

// See flame_own_memory.
struct OwnMemory {
  uint64_t device = 0;
  uint64_t rest = 0;
  uint64_t recording = 0;
  uint64_t straight_recording = 0;
};

class Event {
 public:
  virtual ~Event() = default;
};

class Graph {
 public:
  virtual ~Graph() = default;
};

// A queue of work. One thread at a time.
class Stream {
 public:
  virtual ~Stream() = default;
  virtual void record(Event &event) = 0;  // marks the work so far
  virtual void wait(Event &event) = 0;    // later work waits for the mark
  virtual void synchronize() = 0;         // errors of the work surface here

  // For a Device whose can_capture() is true.
  virtual void begin_capture() { throw unsupported("this device does not capture"); }
  virtual std::unique_ptr<Graph> end_capture() {
    throw unsupported("this device does not capture");
  }
  virtual void replay(Graph &) { throw unsupported("this device does not capture"); }
};

// The tensors of one run, with data.
using TensorList = const flame_tensor *const *;

// An op with all expensive choices made. run() is called again and again.
class Plan {
 public:
  virtual ~Plan() = default;
  // Enqueues on call.stream(): no allocation, no waiting. Outputs are written whole, never read.
  virtual void run(const Call &call, TensorList inputs, TensorList outputs) = 0;

  OpInfo info;  // what run() will need
};

// An open device. The host asks one thread at a time, except for probe.
class Device {
 public:
  static constexpr const char *kKind = FLAME_KIND_BACKEND;
  virtual ~Device() = default;

  // At least `size` (not 0) bytes, aligned to 256.
  virtual void *allocate(uint64_t size) = 0;
  virtual void release(void *memory) noexcept = 0;
  virtual OwnMemory own_memory() { return {}; }
  // Copy plain bytes from and to the processor's memory, on call.stream().
  virtual void upload(const Call &call, const void *from, void *to, uint64_t size) = 0;
  virtual void download(const Call &call, const void *from, void *to, uint64_t size) = 0;

  virtual std::unique_ptr<Stream> create_stream() = 0;
  virtual std::unique_ptr<Event> create_event() = 0;

  // Can this device do the op? Throws unsupported() with the reason. Pure, quick, from any thread,
  // and true as long as the device is open.
  virtual OpInfo probe(const Call &call, const Op &op) const = 0;
  // Only for ops that probe accepts; sets the plan's info.
  virtual std::unique_ptr<Plan> plan(const Call &call, const Op &op) = 0;

  // True if its streams capture.
  virtual bool can_capture() const noexcept { return false; }
  // True if streams that wait for a captured one are captured with it; see FLAME_CAPTURE_BRANCHES.
  virtual bool captures_branches() const noexcept { return false; }
  // The device's own interfaces ("com.vendor.name/1"), or null.
  virtual const void *query(std::string_view) noexcept { return nullptr; }
};

namespace detail {

template <typename Class>
void *create_device(uint32_t index, Attributes given) {
  std::unique_ptr<Device> made;
  const auto options = read_options<Class>(given);
  if constexpr (std::is_constructible_v<Class, uint32_t, decltype(options)>) {
    made = std::make_unique<Class>(index, options);
  } else {
    made = std::make_unique<Class>(index);
  }
  return made.release();
}

inline flame_op_info to_c(const OpInfo &info) {
  return {0, info.flags, info.workspace_size, info.in_place_mask, info.recorded_size};
}

struct DeviceTables {
  static Device &device(flame_device *handle) noexcept {
    return *reinterpret_cast<Device *>(handle);
  }

  static flame_status allocate(flame_device *handle, flame_call *call, uint64_t size,
                               void **out) noexcept {
    return guard(call, [&] { *out = size == 0 ? nullptr : device(handle).allocate(size); });
  }
  static void release(flame_device *handle, void *memory) noexcept {
    if (memory) device(handle).release(memory);
  }
  static flame_status upload(flame_device *handle, flame_call *call, const void *from, void *to,
                             uint64_t size) noexcept {
    return guard(call, [&] { device(handle).upload(Call(call), from, to, size); });
  }
  static flame_status download(flame_device *handle, flame_call *call, const void *from, void *to,
                               uint64_t size) noexcept {
    return guard(call, [&] { device(handle).download(Call(call), from, to, size); });
  }
  static flame_status own(flame_device *handle, flame_call *call, flame_own_memory *out) noexcept {
    return guard(call, [&] {
      const OwnMemory memory = device(handle).own_memory();
      fill(out, flame_own_memory{0, 0, memory.device, memory.rest, memory.recording,
                                 memory.straight_recording});
    });
  }
  static constexpr flame_memory kMemory = {
      sizeof(flame_memory), 0, allocate, release, upload, download, own};

  static flame_status create_stream(flame_device *handle, flame_call *call,
                                    flame_stream **out) noexcept {
    return guard(call, [&] {
      *out = reinterpret_cast<flame_stream *>(device(handle).create_stream().release());
    });
  }
  static void destroy_stream(flame_stream *stream) noexcept {
    delete reinterpret_cast<Stream *>(stream);
  }
  static flame_status create_event(flame_device *handle, flame_call *call,
                                   flame_event **out) noexcept {
    return guard(call, [&] {
      *out = reinterpret_cast<flame_event *>(device(handle).create_event().release());
    });
  }
  static void destroy_event(flame_event *event) noexcept {
    delete reinterpret_cast<Event *>(event);
  }
  static flame_status record(flame_call *call, flame_event *event) noexcept {
    return guard(call, [&] { Call(call).stream().record(*reinterpret_cast<Event *>(event)); });
  }
  static flame_status wait(flame_call *call, flame_event *event) noexcept {
    return guard(call, [&] { Call(call).stream().wait(*reinterpret_cast<Event *>(event)); });
  }
  static flame_status synchronize(flame_call *call) noexcept {
    return guard(call, [&] { Call(call).stream().synchronize(); });
  }
  static constexpr flame_sync kSync = {
      sizeof(flame_sync), 0,      create_stream, destroy_stream, create_event,
      destroy_event,      record, wait,          synchronize};

  static flame_status probe(flame_device *handle, flame_call *call, const flame_op *op,
                            flame_op_info *out) noexcept {
    return guard(call, [&] { fill(out, to_c(device(handle).probe(Call(call), Op(op)))); });
  }
  static flame_status plan(flame_device *handle, flame_call *call, const flame_op *op,
                           flame_op_info *info, flame_plan **out) noexcept {
    return guard(call, [&] {
      std::unique_ptr<Plan> made = device(handle).plan(Call(call), Op(op));
      fill(info, to_c(made->info));
      *out = reinterpret_cast<flame_plan *>(made.release());
    });
  }
  static flame_status run(flame_plan *plan, flame_call *call, TensorList inputs,
                          TensorList outputs) noexcept {
    return guard(call, [&] { reinterpret_cast<Plan *>(plan)->run(Call(call), inputs, outputs); });
  }
  static void drop_plan(flame_plan *plan) noexcept { delete reinterpret_cast<Plan *>(plan); }
  static constexpr flame_ops kOps = {sizeof(flame_ops), 0, probe, plan, run, drop_plan};

  static flame_status begin(flame_call *call) noexcept {
    return guard(call, [&] { Call(call).stream().begin_capture(); });
  }
  static flame_status end(flame_call *call, flame_graph **out) noexcept {
    return guard(call, [&] {
      *out = reinterpret_cast<flame_graph *>(Call(call).stream().end_capture().release());
    });
  }
  static flame_status replay(flame_call *call, flame_graph *graph) noexcept {
    return guard(call, [&] { Call(call).stream().replay(*reinterpret_cast<Graph *>(graph)); });
  }
  static void drop_graph(flame_graph *graph) noexcept { delete reinterpret_cast<Graph *>(graph); }
  static constexpr flame_capture kCapture = {
      sizeof(flame_capture), 0, begin, end, replay, drop_graph, 0, 0};
  static constexpr flame_capture kCaptureBranches = {
      sizeof(flame_capture), 0, begin, end, replay, drop_graph, FLAME_CAPTURE_BRANCHES, 0};
};

struct BackendTable {
  static flame_status count(flame_call *call, flame_str component, uint32_t *out) noexcept {
    return guard(call, [&] {
      const auto devices = find_component(FLAME_KIND_BACKEND, component).devices();
      *out = static_cast<uint32_t>(devices.size());
    });
  }
  static flame_status describe(flame_call *call, flame_str component, uint32_t index,
                               flame_device_info *out) noexcept {
    return guard(call, [&] {
      const auto devices = find_component(FLAME_KIND_BACKEND, component).devices();
      check_index(index, devices.size());
      const DeviceInfo &info = devices[index];
      fill(out, flame_device_info{0, info.device, keep(info.name), keep(info.description),
                                  info.memory_total, info.memory_free});
    });
  }
  static flame_status open(flame_call *call, flame_str component, uint32_t index,
                           const flame_attribute *options, uint32_t option_count,
                           flame_device **out) noexcept {
    return guard(call, [&] {
      const Component &found = find_component(FLAME_KIND_BACKEND, component);
      check_index(index, found.devices().size());
      *out = static_cast<flame_device *>(found.create(index, Attributes(options, option_count)));
    });
  }
  static void close(flame_device *handle) noexcept { delete &DeviceTables::device(handle); }
  static const void *query(flame_device *handle, flame_str id) noexcept {
    if (view(id) == FLAME_MEMORY_ID) return &DeviceTables::kMemory;
    if (view(id) == FLAME_SYNC_ID) return &DeviceTables::kSync;
    if (view(id) == FLAME_OPS_ID) return &DeviceTables::kOps;
    Device &device = DeviceTables::device(handle);
    if (view(id) == FLAME_CAPTURE_ID && device.can_capture()) {
      return device.captures_branches() ? &DeviceTables::kCaptureBranches : &DeviceTables::kCapture;
    }
    return device.query(view(id));
  }
  static constexpr flame_backend kTable = {
      sizeof(flame_backend), 0, count, describe, open, close, query};

 private:
  static void check_index(uint32_t index, size_t count) {
    if (index < count) return;
    throw invalid_argument("device ", index, " was asked for, but ", count, " answer");
  }
  // The text of device descriptions lives as long as the library is open.
  static flame_str keep(const std::string &text) {
    return borrow(*globals.device_texts->insert(text).first);
  }
};

}  // namespace detail
}  // namespace sdk
}  // namespace flame
