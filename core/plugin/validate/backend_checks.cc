// Backends: devices, their memory and their streams. The ops stand in backend_op_checks.cc.
#include <fmt/core.h>

#include <cstring>
#include <vector>

#include "core/base/flame_text.h"
#include "core/base/terminal.h"
#include "core/base/utf8.h"
#include "core/plugin/validate/checked_device.h"
#include "flame/backend.h"

namespace flame {
namespace {

constexpr uint64_t kAlignment = 256;

Result<Done> count_is_stable(Subject &subject) {
  return for_each_component(
      subject, FLAME_KIND_BACKEND, [&](const CheckedComponent &component) -> Status {
        const auto *backend = component.interface<flame_backend>();
        uint32_t counts[2] = {};
        for (uint32_t &count : counts) {
          CheckedCall call;
          subject.at("count()");
          FLAME_TRY(
              call.expect_success("count()", backend->count(call.get(), component.id(), &count)));
        }
        if (counts[0] == counts[1]) return {};
        return broken("the same number of devices each time",
                      fmt::format("first {}, then {}", counts[0], counts[1]));
      });
}

Result<Done> describes_devices(Subject &subject) {
  return for_each_component(
      subject, FLAME_KIND_BACKEND, [&](const CheckedComponent &component) -> Status {
        flame_device_info info{};
        info.struct_size = sizeof info;
        CheckedCall call;
        subject.at("describe()");
        const auto *backend = component.interface<flame_backend>();
        FLAME_TRY(call.expect_success("describe()",
                                      backend->describe(call.get(), component.id(), 0, &info)));
        const std::string_view name = text_of(info.name);
        if (name.empty() || !is_utf8(name)) {
          return broken("a device has a name", fmt::format("'{}'", printable(name)));
        }
        if (info.memory_total == 0 || info.memory_free <= info.memory_total) return {};
        return broken("no more memory is free than there is",
                      fmt::format("{} bytes free of {}", info.memory_free, info.memory_total));
      });
}

Result<Done> refuses_wrong_device(Subject &subject) {
  return for_each_component(
      subject, FLAME_KIND_BACKEND, [&](const CheckedComponent &component) -> Status {
        const auto *backend = component.interface<flame_backend>();
        const auto allowed = {FLAME_ERROR_INVALID_ARGUMENT, FLAME_ERROR_NOT_FOUND};
        for (const uint32_t index : {1000000u, UINT32_MAX}) {
          CheckedCall described, opened;
          flame_device_info info{};
          info.struct_size = sizeof info;
          subject.at(fmt::format("describe({})", index));
          FLAME_TRY(described.expect_failure(
              "describe()", backend->describe(described.get(), component.id(), index, &info),
              "there is no such device", allowed));
          flame_device *device = nullptr;
          subject.at(fmt::format("open({})", index));
          FLAME_TRY(opened.expect_failure(
              "open()",
              backend->open(opened.get(), component.id(), index, component.options.data(),
                            component.options.size(), &device),
              "there is no such device", allowed));
        }
        return {};
      });
}

Result<Done> device_interfaces(Subject &subject) {
  return for_each_device(subject, [&](const CheckedDevice &device) -> Status {
    GuardedTexts texts;
    for (const std::string_view id : {"flame.memory/10", "flame.not-yet/1", "flame.memory/"}) {
      subject.at(fmt::format("a device's query(\"{}\")", id));
      if (!device.backend->query(device.handle, texts.add(id))) continue;
      return broken("null for an id that the device does not know",
                    fmt::format("query(\"{}\") gave an interface", id));
    }
    return {};
  });
}

Result<Done> memory_is_aligned(Subject &subject) {
  return for_each_device(subject, [](const CheckedDevice &device) -> Status {
    std::vector<void *> blocks;
    for (const uint64_t size : {1ull, 255ull, 256ull, 257ull, 4096ull, 1ull << 20}) {
      FLAME_ASSIGN(void *block, device.allocate(size));
      if (!block || reinterpret_cast<uintptr_t>(block) % kAlignment != 0) {
        return broken(fmt::format("memory aligned to {} bytes", kAlignment),
                      fmt::format("allocate({}) gave {}", size, block));
      }
      for (void *other : blocks) {
        if (other == block) return broken("memory of its own for each call", "one address twice");
      }
      blocks.push_back(block);
    }
    device.subject.at("release()");
    for (void *block : blocks) device.memory->release(device.handle, block);
    FLAME_ASSIGN(void *nothing, device.allocate(0));
    if (!nothing) return {};
    return broken("null for a size of 0", fmt::format("allocate(0) gave {}", nothing));
  });
}

Result<Done> refuses_too_much_memory(Subject &subject) {
  return for_each_device(subject, [](const CheckedDevice &device) -> Status {
    for (const uint64_t size : {UINT64_MAX / 4, UINT64_MAX - 1, UINT64_MAX}) {
      CheckedCall call;
      void *out = nullptr;
      device.subject.at(fmt::format("allocate({})", size));
      FLAME_TRY(call.expect_failure("allocate()",
                                    device.memory->allocate(device.handle, call.get(), size, &out),
                                    "no device has that much memory", {FLAME_ERROR_OUT_OF_MEMORY}));
      if (call.message().find_first_of("0123456789") == std::string_view::npos) {
        return broken("a message that says how much was asked for and how much there is",
                      fmt::format("the message '{}'", call.message()));
      }
    }
    FLAME_ASSIGN(void *block, device.allocate(256));
    device.memory->release(device.handle, block);
    return {};
  });
}

Result<Done> copies_round_trip(Subject &subject) {
  return for_each_device(subject, [](const CheckedDevice &device) -> Status {
    FLAME_ASSIGN(flame_stream * stream, device.stream());
    for (const size_t size : {size_t{0}, size_t{1}, size_t{4097}, size_t{1} << 20}) {
      std::vector<unsigned char> sent(size + 1), received(size + 1, 0x77);
      for (size_t i = 0; i < size; ++i) sent[i] = static_cast<unsigned char>(i * 37 + 11);
      FLAME_ASSIGN(void *block, device.allocate(size));
      FLAME_TRY(device.upload(stream, sent.data(), block, size));
      FLAME_TRY(device.download(stream, block, received.data(), size));
      FLAME_TRY(device.synchronize(stream));
      if (memcmp(sent.data(), received.data(), size) != 0 || received[size] != 0x77) {
        return broken("the bytes that were uploaded come back, and no other",
                      fmt::format("they differ at a size of {}", size));
      }
      if (block) device.memory->release(device.handle, block);
    }
    device.sync->destroy_stream(stream);
    return {};
  });
}

// One stream waits for what another was told, again and again: the last value must arrive.
Result<Done> events_order_streams(Subject &subject) {
  return for_each_device(subject, [](const CheckedDevice &device) -> Status {
    FLAME_ASSIGN(flame_stream * first, device.stream());
    FLAME_ASSIGN(flame_stream * second, device.stream());
    flame_event *event = nullptr;
    CheckedCall made;
    device.subject.at("create_event()");
    FLAME_TRY(made.expect_success("create_event()",
                                  device.sync->create_event(device.handle, made.get(), &event)));
    std::vector<uint64_t> sent(1 << 16), received(1 << 16);
    const uint64_t bytes = sent.size() * sizeof sent[0];
    FLAME_ASSIGN(void *block, device.allocate(bytes));
    for (uint64_t round = 1; round <= 20; ++round) {
      std::fill(sent.begin(), sent.end(), round);
      FLAME_TRY(device.upload(first, sent.data(), block, bytes));
      CheckedCall record, wait;
      record.get()->stream = first;
      wait.get()->stream = second;
      device.subject.at("record() and wait()");
      FLAME_TRY(record.expect_success("record()", device.sync->record(record.get(), event)));
      FLAME_TRY(wait.expect_success("wait()", device.sync->wait(wait.get(), event)));
      FLAME_TRY(device.download(second, block, received.data(), bytes));
      FLAME_TRY(device.synchronize(second));
      if (received != sent) {
        return broken("what is enqueued behind wait() sees what was enqueued before record()",
                      fmt::format("it did not in round {}", round));
      }
      FLAME_TRY(device.synchronize(first));
    }
    device.subject.at("the destruction of events and streams");
    device.sync->destroy_event(event);
    device.sync->destroy_stream(first);
    device.sync->destroy_stream(second);
    device.memory->release(device.handle, block);
    return {};
  });
}

constexpr Check kChecks[] = {
    {"backend.count-is-stable", "flame/backend.h: count says how many devices answer now",
     Stage::kStarted, count_is_stable},
    {"backend.describes-devices", "flame/backend.h: flame_device_info", Stage::kStarted,
     describes_devices},
    {"backend.refuses-wrong-device",
     "flame/abi.h: INVALID_ARGUMENT for a value that is out of range", Stage::kStarted,
     refuses_wrong_device},
    {"backend.device-interfaces",
     "flame/backend.h: each device offers flame.memory/1, flame.sync/1 and flame.ops/1",
     Stage::kStarted, device_interfaces},
    {"backend.memory-is-aligned",
     "flame/backend.h: memory is aligned to 256; a size of 0 gives null", Stage::kStarted,
     memory_is_aligned},
    {"backend.refuses-too-much-memory",
     "flame/backend.h: OUT_OF_MEMORY says how much was asked for and how much there is",
     Stage::kStarted, refuses_too_much_memory},
    {"backend.copies-round-trip", "flame/backend.h: upload and download copy plain bytes",
     Stage::kStarted, copies_round_trip},
    {"backend.events-order-streams",
     "flame/backend.h: work enqueued after wait waits for the mark of record", Stage::kStarted,
     events_order_streams},
};

}  // namespace

std::span<const Check> backend_checks() {
  return kChecks;
}

}  // namespace flame
