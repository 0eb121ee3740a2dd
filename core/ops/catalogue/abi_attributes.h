// Attributes as a backend gets them.
#pragma once

#include <deque>

#include "core/ops/catalogue/attributes.h"
#include "flame/attribute.h"

namespace flame {

// A C array over `attributes`, which outlives the object and does not change meanwhile.
class AbiAttributes {
 public:
  explicit AbiAttributes(const Attributes &attributes);
  AbiAttributes(const AbiAttributes &) = delete;
  AbiAttributes &operator=(const AbiAttributes &) = delete;

  const flame_attribute *data() const { return list_.data(); }
  uint32_t count() const { return static_cast<uint32_t>(list_.size()); }

 private:
  std::vector<flame_attribute> list_;
  std::deque<std::vector<flame_str>> texts_;  // what lists of strings point to
};

}  // namespace flame
