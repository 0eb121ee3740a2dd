// An open device of a backend with the interfaces that every device has.
#pragma once

#include <fmt/core.h>

#include <string>
#include <string_view>

#include "core/plugin/validate/for_each.h"
#include "flame/backend.h"

namespace flame {

// Valid while its component's object is open; the functions break a rule with the call that failed.
struct CheckedDevice {
  Subject &subject;
  const CheckedComponent &component;
  const flame_backend *backend;
  flame_device *handle;
  const flame_memory *memory;
  const flame_sync *sync;
  const flame_ops *ops;

  Result<void *> allocate(uint64_t size) const {
    CheckedCall call;
    void *out = nullptr;
    subject.at(fmt::format("allocate({})", size));
    FLAME_TRY(call.expect_success("allocate()", memory->allocate(handle, call.get(), size, &out)));
    return out;
  }
  Result<flame_stream *> stream() const {
    CheckedCall call;
    flame_stream *out = nullptr;
    subject.at("create_stream()");
    FLAME_TRY(
        call.expect_success("create_stream()", sync->create_stream(handle, call.get(), &out)));
    if (!out) return broken("a stream", "create_stream() succeeded and gave null");
    return out;
  }
  Status synchronize(flame_stream *stream) const {
    CheckedCall call;
    call.get()->stream = stream;
    subject.at("synchronize()");
    return call.expect_success("synchronize()", sync->synchronize(call.get()));
  }
  Status upload(flame_stream *stream, const void *from, void *to, uint64_t size) const {
    CheckedCall call;
    call.get()->stream = stream;
    subject.at(fmt::format("upload() of {} bytes", size));
    return call.expect_success("upload()", memory->upload(handle, call.get(), from, to, size));
  }
  Status download(flame_stream *stream, const void *from, void *to, uint64_t size) const {
    CheckedCall call;
    call.get()->stream = stream;
    subject.at(fmt::format("download() of {} bytes", size));
    return call.expect_success("download()", memory->download(handle, call.get(), from, to, size));
  }
};

template <typename Interface>
Result<const Interface *> device_interface(const CheckedComponent &component, flame_device *device,
                                           Subject &subject, std::string_view id) {
  subject.at(fmt::format("a device's query(\"{}\")", id));
  const auto *backend = component.interface<flame_backend>();
  const auto *table =
      static_cast<const Interface *>(backend->query(device, {id.data(), id.size()}));
  if (!table) return broken(fmt::format("each device offers \"{}\"", id), "query gave null");
  if (table->struct_size >= sizeof(Interface)) return table;
  return broken(fmt::format("\"{}\" has {} bytes or more", id, sizeof(Interface)),
                fmt::format("its struct_size is {}", table->struct_size));
}

// Tries something on device 0 of every backend of the plugin, newly opened.
template <typename Attempt>
Result<Done> for_each_device(Subject &subject, Attempt &&attempt) {
  return for_each_object<flame_device>(
      subject, FLAME_KIND_BACKEND,
      [&](const CheckedComponent &component, flame_device *handle) -> Status {
        FLAME_ASSIGN(const auto *memory,
                     device_interface<flame_memory>(component, handle, subject, FLAME_MEMORY_ID));
        FLAME_ASSIGN(const auto *sync,
                     device_interface<flame_sync>(component, handle, subject, FLAME_SYNC_ID));
        FLAME_ASSIGN(const auto *ops,
                     device_interface<flame_ops>(component, handle, subject, FLAME_OPS_ID));
        return attempt(CheckedDevice{subject, component, component.interface<flame_backend>(),
                                     handle, memory, sync, ops});
      });
}

}  // namespace flame
