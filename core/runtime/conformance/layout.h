// How the tensors of a case lie in memory: contiguous, and as views have them.
#pragma once

#include <string_view>
#include <vector>

#include "core/runtime/conformance/typed_case.h"
#include "core/tensor/view.h"

namespace flame::conformance {

enum class Layout {
  kContiguous,
  kOffset,          // all tensors behind three elements, so that no address is aligned
  kPermuted,        // inputs: the first axis is the quickest
  kRows,            // inputs: a part of a wider tensor
  kGaps,            // inputs: every second element along the last axis
  kBackwards,       // inputs: the first axis runs backwards
  kRepeated,        // inputs: one axis has stride 0
  kOutputPermuted,  // outputs, as above
  kOutputRows,
  kOutputGaps,
  kInPlace,  // output 0 in the memory of an input, where the backend allows it
};
std::string_view name_of(Layout layout);

// A tensor's place in a buffer of its own.
struct Placement {
  TypedView view;
  uint64_t buffer_bytes = 0;
};

// The axis that kRepeated repeats: the first that is longer than 1; nothing if there is none.
std::optional<size_t> repeated_axis(const Shape &shape);

Placement place(Layout layout, const TensorType &type, bool is_output);

// The layouts that differ from each other for these types; kInPlace is none of them.
std::vector<Layout> layouts_of(const OpCall &call);

}  // namespace flame::conformance
