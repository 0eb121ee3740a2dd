#include "core/runtime/device.h"

#include <fmt/core.h>

#include "core/base/call_scope.h"
#include "core/base/flame_text.h"

namespace flame {
namespace {

OpInfo info_of(const flame_op_info &info) {
  return {(info.flags & FLAME_OP_CAPTURE_SAFE) != 0,
          (info.flags & FLAME_OP_DETERMINISTIC) != 0,
          info.workspace_size,
          info.in_place_mask,
          (info.flags & FLAME_OP_IN_PLACE) != 0,
          info.recorded_size};
}

flame_op_info empty_info() {
  flame_op_info info{};
  info.struct_size = sizeof info;
  return info;
}

}  // namespace

Result<uint32_t> count_devices(const Backend &backend) {
  uint32_t count = 0;
  CallScope scope(backend.plugin_id, "flame.backend/1 count");
  FLAME_TRY(
      scope.finish(backend.table->count(scope.call(), flame_text(backend.component), &count)));
  return count;
}

Result<DeviceInfo> describe_device(const Backend &backend, uint32_t index) {
  flame_device_info info{};
  info.struct_size = sizeof info;
  CallScope scope(backend.plugin_id, "flame.backend/1 describe");
  FLAME_TRY(scope.finish(
      backend.table->describe(scope.call(), flame_text(backend.component), index, &info)));
  return DeviceInfo{info.device, std::string(text_of(info.name)),
                    std::string(text_of(info.description)), info.memory_total, info.memory_free};
}

DeviceMemory::~DeviceMemory() {
  if (data_) device_->memory_->release(device_->handle_, data_);
}

void DeviceMemory::swap(DeviceMemory &other) noexcept {
  std::swap(device_, other.device_);
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
}

DeviceEvent::~DeviceEvent() {
  if (event_) device_->sync_->destroy_event(event_);
}

void DeviceEvent::swap(DeviceEvent &other) noexcept {
  std::swap(device_, other.device_);
  std::swap(event_, other.event_);
}

DeviceStream::~DeviceStream() {
  if (!stream_) return;
  // An error here was either reported by an earlier call or belongs to work that nobody waits for.
  static_cast<void>(synchronize());
  device_->sync_->destroy_stream(stream_);
}

void DeviceStream::swap(DeviceStream &other) noexcept {
  std::swap(device_, other.device_);
  std::swap(stream_, other.stream_);
  std::swap(recording_, other.recording_);
}

Status DeviceStream::synchronize() const {
  CallScope scope(device_->backend_.plugin_id, "flame.sync/1 synchronize");
  scope.call()->stream = stream_;
  return scope.finish(device_->sync_->synchronize(scope.call()));
}

Status DeviceStream::record(const DeviceEvent &event) const {
  CallScope scope(device_->backend_.plugin_id, "flame.sync/1 record");
  scope.call()->stream = stream_;
  return scope.finish(device_->sync_->record(scope.call(), event.event_));
}

Status DeviceStream::wait(const DeviceEvent &event) const {
  CallScope scope(device_->backend_.plugin_id, "flame.sync/1 wait");
  scope.call()->stream = stream_;
  return scope.finish(device_->sync_->wait(scope.call(), event.event_));
}

DeviceGraph::~DeviceGraph() {
  if (graph_) device_->capture_->drop(graph_);
}

void DeviceGraph::swap(DeviceGraph &other) noexcept {
  std::swap(device_, other.device_);
  std::swap(graph_, other.graph_);
}

Status DeviceGraph::replay(const DeviceStream &stream) const {
  CallScope scope(device_->backend_.plugin_id, "flame.capture/1 replay", device_->call_flags_);
  scope.call()->stream = stream.get();
  return scope.finish(device_->capture_->replay(scope.call(), graph_));
}

OpPlan::~OpPlan() {
  device_.ops_->drop(plan_);
}

Status OpPlan::run(const DeviceStream &stream, const AbiTensors &inputs, const AbiTensors &outputs,
                   void *workspace) const {
  const uint32_t recording = stream.recording_ ? FLAME_CALL_CAPTURING : 0;
  CallScope scope(device_.backend_.plugin_id, "flame.ops/1 run", device_.call_flags_ | recording);
  scope.call()->stream = stream.get();
  scope.call()->workspace = workspace;
  scope.call()->workspace_size = info_.workspace_size;
  return scope.finish(device_.ops_->run(plan_, scope.call(), inputs.data(), outputs.data()));
}

Device::Device(Backend backend, flame_device *handle, DeviceInfo info, uint32_t index,
               uint32_t call_flags)
    : backend_(std::move(backend)),
      handle_(handle),
      info_(std::move(info)),
      index_(index),
      call_flags_(call_flags) {}

Device::~Device() {
  plans_.clear();
  backend_.table->close(handle_);
}

Result<std::unique_ptr<Device>> Device::open(const Backend &backend, uint32_t index,
                                             const Settings &settings) {
  FLAME_ASSIGN(DeviceInfo info, describe_device(backend, index));
  flame_device *handle = nullptr;
  CallScope scope(backend.plugin_id, "flame.backend/1 open");
  FLAME_TRY(scope.finish(backend.table->open(
      scope.call(), flame_text(backend.component), index, settings.options.data(),
      static_cast<uint32_t>(settings.options.size()), &handle)));
  const uint32_t flags = settings.deterministic ? FLAME_CALL_DETERMINISTIC : 0;
  std::unique_ptr<Device> device(new Device(backend, handle, std::move(info), index, flags));
  FLAME_TRY(device->take_tables());
  return device;
}

Status Device::take_tables() {
  const auto table = [&](std::string_view id) {
    return backend_.table->query(handle_, flame_text(id));
  };
  memory_ = static_cast<const flame_memory *>(table(FLAME_MEMORY_ID));
  sync_ = static_cast<const flame_sync *>(table(FLAME_SYNC_ID));
  ops_ = static_cast<const flame_ops *>(table(FLAME_OPS_ID));
  capture_ = static_cast<const flame_capture *>(table(FLAME_CAPTURE_ID));
  if (memory_ && sync_ && ops_) return {};
  const char *missing = !memory_ ? FLAME_MEMORY_ID : !sync_ ? FLAME_SYNC_ID : FLAME_OPS_ID;
  return plugin_error(fmt::format("plugin '{}': the device of backend '{}' has no {}",
                                  backend_.plugin_id, backend_.component, missing),
                      "this is a fault of the plugin: report it to its vendor, or use another");
}

Result<DeviceMemory> Device::allocate(uint64_t size) const {
  DeviceMemory memory;
  CallScope scope(backend_.plugin_id, "flame.memory/1 allocate");
  FLAME_TRY(scope.finish(memory_->allocate(handle_, scope.call(), size, &memory.data_)));
  memory.device_ = this;
  memory.size_ = size;
  return memory;
}

Result<OwnMemory> Device::own_memory() {
  if (!FLAME_HAS(flame_memory, memory_, own) || !memory_->own) return OwnMemory();
  flame_own_memory own{};
  own.struct_size = sizeof own;
  CallScope scope(backend_.plugin_id, "flame.memory/1 own");
  FLAME_TRY(scope.finish(memory_->own(handle_, scope.call(), &own)));
  return OwnMemory{own.device, own.rest, own.recording, own.straight_recording};
}

Result<DeviceStream> Device::create_stream() const {
  DeviceStream stream;
  CallScope scope(backend_.plugin_id, "flame.sync/1 create_stream");
  FLAME_TRY(scope.finish(sync_->create_stream(handle_, scope.call(), &stream.stream_)));
  stream.device_ = this;
  return stream;
}

Result<DeviceEvent> Device::create_event() const {
  DeviceEvent event;
  CallScope scope(backend_.plugin_id, "flame.sync/1 create_event");
  FLAME_TRY(scope.finish(sync_->create_event(handle_, scope.call(), &event.event_)));
  event.device_ = this;
  return event;
}

Status Device::upload(const DeviceStream &stream, std::span<const std::byte> from, void *to) const {
  if (from.empty()) return {};
  CallScope scope(backend_.plugin_id, "flame.memory/1 upload");
  scope.call()->stream = stream.get();
  return scope.finish(memory_->upload(handle_, scope.call(), from.data(), to, from.size()));
}

Status Device::download(const DeviceStream &stream, const void *from,
                        std::span<std::byte> to) const {
  if (to.empty()) return {};
  CallScope scope(backend_.plugin_id, "flame.memory/1 download");
  scope.call()->stream = stream.get();
  return scope.finish(memory_->download(handle_, scope.call(), from, to.data(), to.size()));
}

bool Device::branches() const {
  return capture_ && FLAME_HAS(flame_capture, capture_, flags) &&
         (capture_->flags & FLAME_CAPTURE_BRANCHES);
}

Result<DeviceGraph> Device::record(std::span<DeviceStream> streams,
                                   const std::function<Status()> &enqueue) const {
  const DeviceStream &stream = streams.front();
  CallScope begin(backend_.plugin_id, "flame.capture/1 begin", call_flags_);
  begin.call()->stream = stream.get();
  FLAME_TRY(begin.finish(capture_->begin(begin.call())));
  for (DeviceStream &each : streams) each.recording_ = true;
  const Status enqueued = enqueue();
  for (DeviceStream &each : streams) each.recording_ = false;
  // Ended in any case: a stream that still records can do nothing else.
  CallScope end(backend_.plugin_id, "flame.capture/1 end", call_flags_);
  end.call()->stream = stream.get();
  DeviceGraph graph;
  const Status ended = end.finish(capture_->end(end.call(), &graph.graph_));
  graph.device_ = this;
  FLAME_TRY(enqueued);
  FLAME_TRY(ended);
  return graph;
}

Result<uint64_t> Device::free_memory() const {
  FLAME_ASSIGN(const DeviceInfo info, describe_device(backend_, index_));
  return info.memory_free;
}

Result<OpAnswer> Device::probe(std::string_view op, const Attributes &attributes,
                               std::span<const TypedView> inputs,
                               std::span<const TypedView> outputs) {
  const AbiOp abi(op, attributes, inputs, outputs, info_.number);
  flame_op_info info = empty_info();
  CallScope scope(backend_.plugin_id, "flame.ops/1 probe", call_flags_);
  const flame_status status = ops_->probe(handle_, scope.call(), abi.get(), &info);
  const Status finished = scope.finish(status);
  if (finished.ok() && deterministic() && !info_of(info).deterministic) {
    return OpAnswer{std::nullopt, fmt::format("backend '{}' has no way to do {} that gives the "
                                              "same bits in every run, as determinism: strict asks",
                                              backend_.component, op)};
  }
  if (finished.ok()) return OpAnswer{info_of(info), {}};
  if (status != FLAME_ERROR_UNSUPPORTED || finished.error().kind == ErrorKind::kBadPlugin) {
    return finished.error();
  }
  return OpAnswer{std::nullopt, finished.error().what};
}

Result<OpInfo> Device::prepare(std::string_view op, const Attributes &attributes,
                               std::span<const TypedView> inputs,
                               std::span<const TypedView> outputs) {
  FLAME_ASSIGN(const auto made, plan(op, attributes, inputs, outputs));
  return made->info();
}

Result<std::shared_ptr<const OpPlan>> Device::plan(std::string_view op,
                                                   const Attributes &attributes,
                                                   std::span<const TypedView> inputs,
                                                   std::span<const TypedView> outputs) {
  std::shared_ptr<const OpPlan> &known = plans_[op_signature(op, attributes, inputs, outputs)];
  if (known) return known;
  const AbiOp abi(op, attributes, inputs, outputs, info_.number);
  flame_op_info info = empty_info();
  flame_plan *made = nullptr;
  CallScope scope(backend_.plugin_id, "flame.ops/1 plan", call_flags_);
  FLAME_TRY(scope.finish(ops_->plan(handle_, scope.call(), abi.get(), &info, &made)));
  known.reset(new OpPlan(*this, made, info_of(info)));
  return known;
}

void Device::drop_unused_plans() {
  std::erase_if(plans_, [](const auto &entry) { return entry.second.use_count() <= 1; });
}

}  // namespace flame
