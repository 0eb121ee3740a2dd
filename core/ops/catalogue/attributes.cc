#include "core/ops/catalogue/attributes.h"

#include <fmt/core.h>

#include <cassert>

#include "flame/map_code.hpp"

namespace flame {

std::string_view name_of(AttributeKind kind) {
  static constexpr std::string_view names[] = {"int",  "float",  "bool",   "string",
                                               "ints", "floats", "strings"};
  return names[static_cast<size_t>(kind)];
}

namespace {

std::string text_of_scalar(int64_t value) {
  return std::to_string(value);
}
std::string text_of_scalar(double value) {
  return write_map_float(value);
}
std::string text_of_scalar(bool value) {
  return value ? "true" : "false";
}
std::string text_of_scalar(const std::string &value) {
  return fmt::format("\"{}\"", value);
}

template <typename T>
std::string text_of_scalar(const std::vector<T> &values) {
  std::string text = "[";
  for (size_t i = 0; i < values.size(); ++i) {
    text.append(i ? ", " : "").append(text_of_scalar(values[i]));
  }
  return text.append("]");
}

}  // namespace

std::string text_of(const AttributeValue &value) {
  return std::visit([](const auto &held) { return text_of_scalar(held); }, value);
}

// For which equal is not the same: -0.0 and 0.0.
static bool holds_floats(const AttributeValue &value) {
  return std::holds_alternative<double>(value) ||
         std::holds_alternative<std::vector<double>>(value);
}

const std::vector<Attributes::Entry> &Attributes::none() {
  static const std::vector<Entry> empty;
  return empty;
}

const AttributeValue *Attributes::find(std::string_view name) const {
  for (const Entry &entry : entries()) {
    if (entry.first == name) return &entry.second;
  }
  return nullptr;
}

void Attributes::set(std::string_view name, AttributeValue value) {
  const AttributeValue *held = find(name);
  if (held && !holds_floats(value) && *held == value) return;
  if (!entries_) entries_ = std::make_shared<std::vector<Entry>>();
  if (entries_.use_count() != 1) entries_ = std::make_shared<std::vector<Entry>>(*entries_);
  for (Entry &entry : *entries_) {
    if (entry.first == name) {
      entry.second = std::move(value);
      return;
    }
  }
  entries_->emplace_back(name, std::move(value));
}

template <typename T>
const T &Attributes::get(std::string_view name) const {
  static const T empty{};
  const AttributeValue *value = find(name);
  const T *held = value ? std::get_if<T>(value) : nullptr;
  assert(held);
  return held ? *held : empty;
}

int64_t Attributes::integer(std::string_view name) const {
  return get<int64_t>(name);
}
double Attributes::number(std::string_view name) const {
  return get<double>(name);
}
bool Attributes::flag(std::string_view name) const {
  return get<bool>(name);
}
const std::string &Attributes::text(std::string_view name) const {
  return get<std::string>(name);
}
const std::vector<int64_t> &Attributes::integers(std::string_view name) const {
  return get<std::vector<int64_t>>(name);
}
const std::vector<double> &Attributes::numbers(std::string_view name) const {
  return get<std::vector<double>>(name);
}
const std::vector<std::string> &Attributes::texts(std::string_view name) const {
  return get<std::vector<std::string>>(name);
}

}  // namespace flame
