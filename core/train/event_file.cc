#include "core/train/event_file.h"

#include <array>
#include <bit>

namespace flame {
namespace {

// Numbers of fields and their types on the wire, as TensorFlow's event.proto and summary.proto have
// them.
enum class Wire : uint32_t {
  kVarint = 0,
  kFixed64 = 1,
  kBytes = 2,
  kFixed32 = 5
};
constexpr uint32_t kEventTime = 1, kEventStep = 2, kEventVersion = 3, kEventSummary = 5;
constexpr uint32_t kSummaryValue = 1, kValueTag = 1, kValueNumber = 2;

constexpr std::array<uint32_t, 256> crc_table() {
  std::array<uint32_t, 256> table{};
  for (uint32_t byte = 0; byte < 256; ++byte) {
    uint32_t rest = byte;
    for (int bit = 0; bit < 8; ++bit) rest = (rest >> 1) ^ (rest & 1 ? 0x82f63b78u : 0);
    table[byte] = rest;
  }
  return table;
}

template <typename T>
void add_fixed(std::string &text, T value) {
  for (size_t i = 0; i < sizeof value; ++i) text += static_cast<char>(value >> (8 * i) & 0xff);
}

void add_varint(std::string &text, uint64_t value) {
  for (; value >= 0x80; value >>= 7) text += static_cast<char>((value & 0x7f) | 0x80);
  text += static_cast<char>(value);
}

void add_key(std::string &text, uint32_t field, Wire wire) {
  add_varint(text, field << 3 | static_cast<uint32_t>(wire));
}

void add_bytes(std::string &text, uint32_t field, std::string_view bytes) {
  add_key(text, field, Wire::kBytes);
  add_varint(text, bytes.size());
  text += bytes;
}

// So that a checksum over data that holds checksums stays a good one.
uint32_t masked(uint32_t crc) {
  return std::rotr(crc, 15) + 0xa282ead8u;
}

std::string frame(const std::string &event) {
  std::string text;
  add_fixed(text, uint64_t{event.size()});
  add_fixed(text, masked(crc32c(text)));
  text += event;
  add_fixed(text, masked(crc32c(event)));
  return text;
}

std::string begun_event(double time) {
  std::string event;
  add_key(event, kEventTime, Wire::kFixed64);
  add_fixed(event, std::bit_cast<uint64_t>(time));
  return event;
}

}  // namespace

uint32_t crc32c(std::string_view bytes) {
  static constexpr std::array<uint32_t, 256> kTable = crc_table();
  uint32_t crc = ~uint32_t{0};
  for (const char c : bytes) crc = kTable[(crc ^ static_cast<uint8_t>(c)) & 0xff] ^ (crc >> 8);
  return ~crc;
}

std::string version_frame(double time) {
  std::string event = begun_event(time);
  add_bytes(event, kEventVersion, "brain.Event:2");
  return frame(event);
}

std::string scalar_frame(double time, int64_t step, std::span<const EventScalar> scalars) {
  std::string summary;
  for (const EventScalar &scalar : scalars) {
    std::string value;
    add_bytes(value, kValueTag, scalar.tag);
    add_key(value, kValueNumber, Wire::kFixed32);
    add_fixed(value, std::bit_cast<uint32_t>(static_cast<float>(scalar.value)));
    add_bytes(summary, kSummaryValue, value);
  }
  std::string event = begun_event(time);
  add_key(event, kEventStep, Wire::kVarint);
  add_varint(event, static_cast<uint64_t>(step));
  add_bytes(event, kEventSummary, summary);
  return frame(event);
}

}  // namespace flame
