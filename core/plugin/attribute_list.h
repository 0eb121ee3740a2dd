// Options as the contract hands them to a plugin: values of the host, seen as flame_attributes.
#pragma once

#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "core/plugin/option_value.h"
#include "flame/attribute.h"

namespace flame {

// Owns copies of everything that its attributes point to.
class AttributeList {
 public:
  AttributeList() = default;
  AttributeList(AttributeList &&) = default;
  AttributeList &operator=(AttributeList &&) = default;

  // The kind of attribute follows from the option's type (flame/descriptor.h), not from the value.
  void add(const OptionSpec &spec, const OptionValue &value);
  void add_int(std::string_view name, int64_t value);
  void add_float(std::string_view name, double value);
  void add_string(std::string_view name, std::string_view value);

  // Valid until the list is changed or ends.
  const flame_attribute *data() const { return attributes_.data(); }
  uint32_t size() const { return static_cast<uint32_t>(attributes_.size()); }

 private:
  flame_str keep(std::string_view text);
  flame_attribute &append(uint32_t kind, std::string_view name, size_t count);

  std::vector<flame_attribute> attributes_;
  // Their elements never move.
  std::deque<std::string> texts_;
  std::deque<std::vector<int64_t>> ints_;
  std::deque<std::vector<double>> floats_;
  std::deque<std::vector<flame_str>> strings_;
};

}  // namespace flame
