// Reads event files of TensorBoard back, every checksum included; shares no code with the writer.
#pragma once

#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace flame::testing_support {

struct Event {
  double time = 0;
  int64_t step = 0;
  std::string version;
  std::vector<std::pair<std::string, float>> scalars;
};

// Bit by bit, from the polynomial.
inline uint32_t slow_masked_crc32c(std::string_view bytes) {
  uint32_t crc = 0xffffffff;
  for (const char c : bytes) {
    crc ^= static_cast<uint8_t>(c);
    for (int bit = 0; bit < 8; ++bit) crc = crc & 1 ? crc >> 1 ^ 0x82f63b78 : crc >> 1;
  }
  crc = ~crc;
  return ((crc >> 15) | (crc << 17)) + 0xa282ead8;
}

template <typename T>
T taken(std::string_view &bytes) {
  T value{};
  if (bytes.size() < sizeof value) return value;
  std::memcpy(&value, bytes.data(), sizeof value);
  bytes.remove_prefix(sizeof value);
  return value;
}

inline uint64_t taken_varint(std::string_view &bytes) {
  uint64_t value = 0;
  for (int shift = 0; !bytes.empty() && shift < 64; shift += 7) {
    const auto byte = taken<uint8_t>(bytes);
    value |= uint64_t{byte & 0x7fu} << shift;
    if (byte < 0x80) break;
  }
  return value;
}

// Calls take(field, number or rest) for each field of a message.
template <typename Take>
void each_field(std::string_view message, Take take) {
  while (!message.empty()) {
    const uint64_t key = taken_varint(message);
    if ((key & 7) == 2) {
      const uint64_t size = std::min<uint64_t>(taken_varint(message), message.size());
      take(key >> 3, message.substr(0, size));
      message.remove_prefix(size);
      continue;
    }
    const size_t size = (key & 7) == 1 ? 8 : (key & 7) == 5 ? 4 : 0;
    std::string_view start = message;
    if (size == 0) taken_varint(message);
    if (size != 0) message.remove_prefix(std::min(size, message.size()));
    take(key >> 3, start.substr(0, start.size() - message.size()));
  }
}

inline Event event_of(std::string_view message) {
  Event event;
  each_field(message, [&](uint64_t field, std::string_view bytes) {
    if (field == 1) event.time = taken<double>(bytes);
    if (field == 2) event.step = static_cast<int64_t>(taken_varint(bytes));
    if (field == 3) event.version = bytes;
    if (field != 5) return;
    each_field(bytes, [&](uint64_t, std::string_view value) {
      std::pair<std::string, float> scalar;
      each_field(value, [&](uint64_t part, std::string_view content) {
        if (part == 1) scalar.first = content;
        if (part == 2) scalar.second = taken<float>(content);
      });
      event.scalars.push_back(std::move(scalar));
    });
  });
  return event;
}

// Nothing if a frame is not whole or a checksum is wrong.
inline std::optional<std::vector<Event>> read_events(std::string_view file) {
  std::vector<Event> events;
  while (!file.empty()) {
    if (file.size() < 16) return std::nullopt;
    const std::string_view length = file.substr(0, 8);
    const auto size = taken<uint64_t>(file);
    if (taken<uint32_t>(file) != slow_masked_crc32c(length)) return std::nullopt;
    if (size > file.size() || file.size() - size < 4) return std::nullopt;
    const std::string_view message = file.substr(0, size);
    file.remove_prefix(size);
    if (taken<uint32_t>(file) != slow_masked_crc32c(message)) return std::nullopt;
    events.push_back(event_of(message));
  }
  return events;
}

}  // namespace flame::testing_support
