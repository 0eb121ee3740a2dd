// The attributes of an op: named values in the catalogue's order.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "core/base/result.h"
#include "core/tensor/dtype.h"

namespace flame {

// The order of the alternatives is that of FLAME_ATTRIBUTE_…, from 1 on.
using AttributeValue = std::variant<int64_t, double, bool, std::string, std::vector<int64_t>,
                                    std::vector<double>, std::vector<std::string>>;

enum class AttributeKind {
  kInt,
  kFloat,
  kBool,
  kString,
  kInts,
  kFloats,
  kStrings
};

// "int", "floats", …
std::string_view name_of(AttributeKind kind);
inline AttributeKind kind_of(const AttributeValue &value) {
  return static_cast<AttributeKind>(value.index());
}
// "3", "1e-05", "true", "\"max\"", "[1, 2]"
std::string text_of(const AttributeValue &value);

// A small map that keeps its order. Copies share their entries until one of them is changed: every
// op of a program has attributes, and most copies are only read. The getters are for attributes
// that the catalogue has checked: asking for a name or kind that is not there asserts, and gives an
// empty value in a release build.
class Attributes {
 public:
  using Entry = std::pair<std::string, AttributeValue>;

  Attributes() = default;
  Attributes(std::initializer_list<Entry> entries)
      : entries_(std::make_shared<std::vector<Entry>>(entries)) {}

  const AttributeValue *find(std::string_view name) const;
  void set(std::string_view name, AttributeValue value);
  const std::vector<Entry> &entries() const { return entries_ ? *entries_ : none(); }

  int64_t integer(std::string_view name) const;
  double number(std::string_view name) const;
  bool flag(std::string_view name) const;
  const std::string &text(std::string_view name) const;
  const std::vector<int64_t> &integers(std::string_view name) const;
  const std::vector<double> &numbers(std::string_view name) const;
  const std::vector<std::string> &texts(std::string_view name) const;

  friend bool operator==(const Attributes &a, const Attributes &b) {
    return a.entries_ == b.entries_ || a.entries() == b.entries();
  }

 private:
  static const std::vector<Entry> &none();
  template <typename T>
  const T &get(std::string_view name) const;

  std::shared_ptr<std::vector<Entry>> entries_;  // null: empty; changed only while unshared
};

}  // namespace flame
