// Uses of ops as a backend gets them for planning: types and shapes without data. Stands between
// tests of a backend's own code and the host's catalogue, whose headers do not go together.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "flame/op.h"

namespace flame::backend_test {

class BareCall {
 public:
  struct Parts;
  explicit BareCall(std::unique_ptr<Parts> parts);
  BareCall(BareCall &&) noexcept;
  ~BareCall();

  const flame_op &op() const;  // valid as long as this

 private:
  std::unique_ptr<Parts> parts_;
};

// Of the conformance cases: the first of each op and element type, and every code of map in f32. All
// tensors are row-major. Ops that `is_known` denies are left out.
std::vector<BareCall> chosen_calls(bool (*is_known)(std::string_view op));

}  // namespace flame::backend_test
