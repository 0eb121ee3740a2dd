// Named values, in both directions: what a plugin reads (options, attributes of ops, sizes, facts)
// and what it writes (attributes of the ops of its programs).
#pragma once

#include <deque>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "flame/attribute.h"
#include "flame/error.hpp"

namespace flame {
inline namespace sdk {

namespace detail {

inline std::string_view attribute_kind_name(uint32_t kind) {
  switch (kind) {
    case FLAME_ATTRIBUTE_INT:
      return "an integer";
    case FLAME_ATTRIBUTE_FLOAT:
      return "a number";
    case FLAME_ATTRIBUTE_BOOL:
      return "true or false";
    case FLAME_ATTRIBUTE_STRING:
      return "a text";
    case FLAME_ATTRIBUTE_INTS:
      return "a list of integers";
    case FLAME_ATTRIBUTE_FLOATS:
      return "a list of numbers";
    case FLAME_ATTRIBUTE_STRINGS:
      return "a list of texts";
    default:
      return "of a kind that this plugin does not know";
  }
}

}  // namespace detail

// Named values that somebody else owns; valid as long as the call that brought them. A getter
// without a second argument throws if the name is not there; all throw if the kind is another.
class Attributes {
 public:
  Attributes() = default;
  Attributes(const flame_attribute *first, uint32_t count) : first_(first), count_(count) {}

  const flame_attribute *begin() const { return first_; }
  const flame_attribute *end() const { return first_ + count_; }
  uint32_t size() const { return count_; }

  const flame_attribute *find(std::string_view name) const {
    for (const flame_attribute &attribute : *this) {
      if (view(attribute.name) == name) return &attribute;
    }
    return nullptr;
  }

  int64_t integer(std::string_view name) const { return get(name, FLAME_ATTRIBUTE_INT).value.i; }
  int64_t integer(std::string_view name, int64_t otherwise) const {
    return find(name) ? integer(name) : otherwise;
  }
  double number(std::string_view name) const { return get(name, FLAME_ATTRIBUTE_FLOAT).value.f; }
  double number(std::string_view name, double otherwise) const {
    return find(name) ? number(name) : otherwise;
  }
  bool flag(std::string_view name) const { return get(name, FLAME_ATTRIBUTE_BOOL).value.i != 0; }
  bool flag(std::string_view name, bool otherwise) const {
    return find(name) ? flag(name) : otherwise;
  }
  std::string_view string(std::string_view name) const {
    return view(get(name, FLAME_ATTRIBUTE_STRING).value.s);
  }
  std::string_view string(std::string_view name, std::string_view otherwise) const {
    return find(name) ? string(name) : otherwise;
  }
  std::vector<int64_t> integers(std::string_view name) const {
    const flame_attribute &found = get(name, FLAME_ATTRIBUTE_INTS);
    return {found.value.is, found.value.is + found.count};
  }
  std::vector<double> numbers(std::string_view name) const {
    const flame_attribute &found = get(name, FLAME_ATTRIBUTE_FLOATS);
    return {found.value.fs, found.value.fs + found.count};
  }
  std::vector<std::string> strings(std::string_view name) const {
    const flame_attribute &found = get(name, FLAME_ATTRIBUTE_STRINGS);
    std::vector<std::string> out;
    for (uint32_t i = 0; i < found.count; ++i) out.emplace_back(view(found.value.ss[i]));
    return out;
  }

 private:
  const flame_attribute &get(std::string_view name, uint32_t kind) const {
    const flame_attribute *found = find(name);
    if (!found) throw invalid_argument("'", name, "' is missing");
    if (found->kind != kind) {
      throw invalid_argument("'", name, "' is ", detail::attribute_kind_name(found->kind), ", but ",
                             detail::attribute_kind_name(kind), " was expected");
    }
    return *found;
  }

  const flame_attribute *first_ = nullptr;
  uint32_t count_ = 0;
};

// One named value of the plugin's own: {"axis", -1}, {"axes", {1, 2}}, {"eps", 1e-5}.
class Attribute {
 public:
  Attribute(std::string_view name, int64_t value) : name_(name), value_(value) {}
  Attribute(std::string_view name, int value) : name_(name), value_(int64_t{value}) {}
  Attribute(std::string_view name, double value) : name_(name), value_(value) {}
  Attribute(std::string_view name, bool value) : name_(name), value_(value) {}
  Attribute(std::string_view name, const char *value) : name_(name), value_(std::string(value)) {}
  Attribute(std::string_view name, std::string value) : name_(name), value_(std::move(value)) {}
  Attribute(std::string_view name, std::initializer_list<int64_t> value)
      : name_(name), value_(std::vector<int64_t>(value)) {}
  Attribute(std::string_view name, std::vector<int64_t> value)
      : name_(name), value_(std::move(value)) {}
  Attribute(std::string_view name, std::vector<double> value)
      : name_(name), value_(std::move(value)) {}
  Attribute(std::string_view name, std::vector<std::string> value)
      : name_(name), value_(std::move(value)) {}

 private:
  friend class AttributeArray;
  std::string name_;
  std::variant<int64_t, double, bool, std::string, std::vector<int64_t>, std::vector<double>,
               std::vector<std::string>>
      value_;
};

// The C form of some attributes, which it keeps.
class AttributeArray {
 public:
  explicit AttributeArray(std::vector<Attribute> attributes) : attributes_(std::move(attributes)) {
    for (const Attribute &attribute : attributes_) {
      flame_attribute encoded = {};
      encoded.name = borrow(attribute.name_);
      encoded.count = 1;
      std::visit([&](const auto &value) { encode(value, encoded); }, attribute.value_);
      encoded_.push_back(encoded);
    }
  }

  AttributeArray(const AttributeArray &) = delete;
  AttributeArray &operator=(const AttributeArray &) = delete;

  const flame_attribute *data() const { return encoded_.data(); }
  uint32_t size() const { return static_cast<uint32_t>(encoded_.size()); }

 private:
  static void encode(int64_t value, flame_attribute &out) {
    out.kind = FLAME_ATTRIBUTE_INT;
    out.value.i = value;
  }
  static void encode(double value, flame_attribute &out) {
    out.kind = FLAME_ATTRIBUTE_FLOAT;
    out.value.f = value;
  }
  static void encode(bool value, flame_attribute &out) {
    out.kind = FLAME_ATTRIBUTE_BOOL;
    out.value.i = value;
  }
  static void encode(const std::string &value, flame_attribute &out) {
    out.kind = FLAME_ATTRIBUTE_STRING;
    out.value.s = borrow(value);
  }
  static void encode(const std::vector<int64_t> &value, flame_attribute &out) {
    out.kind = FLAME_ATTRIBUTE_INTS;
    out.count = static_cast<uint32_t>(value.size());
    out.value.is = value.data();
  }
  static void encode(const std::vector<double> &value, flame_attribute &out) {
    out.kind = FLAME_ATTRIBUTE_FLOATS;
    out.count = static_cast<uint32_t>(value.size());
    out.value.fs = value.data();
  }
  void encode(const std::vector<std::string> &value, flame_attribute &out) {
    std::vector<flame_str> &texts = texts_.emplace_back();
    for (const std::string &one : value) texts.push_back(borrow(one));
    out.kind = FLAME_ATTRIBUTE_STRINGS;
    out.count = static_cast<uint32_t>(value.size());
    out.value.ss = texts.data();
  }

  std::vector<Attribute> attributes_;
  std::vector<flame_attribute> encoded_;
  std::deque<std::vector<flame_str>> texts_;
};

}  // namespace sdk
}  // namespace flame
