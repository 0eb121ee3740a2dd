#include "core/runtime/conformance/layout.h"

#include <algorithm>
#include <array>

namespace flame::conformance {
namespace {

constexpr int64_t kOffset = 3;

// What the layout does to one tensor.
enum class Form {
  kContiguous,
  kOffset,
  kPermuted,
  kRows,
  kGaps,
  kBackwards,
  kRepeated
};

Form form_of(Layout layout, bool is_output) {
  switch (layout) {
    case Layout::kContiguous:
    case Layout::kInPlace:
      return Form::kContiguous;
    case Layout::kOffset:
      return Form::kOffset;
    case Layout::kPermuted:
      return is_output ? Form::kContiguous : Form::kPermuted;
    case Layout::kRows:
      return is_output ? Form::kContiguous : Form::kRows;
    case Layout::kGaps:
      return is_output ? Form::kContiguous : Form::kGaps;
    case Layout::kBackwards:
      return is_output ? Form::kContiguous : Form::kBackwards;
    case Layout::kRepeated:
      return is_output ? Form::kContiguous : Form::kRepeated;
    case Layout::kOutputPermuted:
      return is_output ? Form::kPermuted : Form::kContiguous;
    case Layout::kOutputRows:
      return is_output ? Form::kRows : Form::kContiguous;
    case Layout::kOutputGaps:
      return is_output ? Form::kGaps : Form::kContiguous;
  }
  return Form::kContiguous;
}

struct Lying {
  View view;
  int64_t elements;  // of the buffer
};

// The part [start, start + count·step) of the last axis of a wider tensor.
Lying part_of_wider(const Shape &shape, int64_t width, int64_t start, int64_t step) {
  std::vector<int64_t> sizes(shape.begin(), shape.end());
  sizes.back() = width;
  const Shape wider{std::span<const int64_t>(sizes)};
  return {slice(View::contiguous(wider), shape.rank() - 1, start, shape.back(0), step),
          wider.element_count()};
}

Lying lay(Form form, const Shape &shape) {
  const int64_t count = shape.element_count();
  const Lying plain{View::contiguous(shape), count};
  if (shape.rank() == 0 && form != Form::kOffset) return plain;
  switch (form) {
    case Form::kContiguous:
      return plain;
    case Form::kOffset: {
      Lying moved = plain;
      moved.view.offset = kOffset;
      moved.elements += kOffset;
      return moved;
    }
    case Form::kPermuted: {
      std::vector<int64_t> sizes(shape.begin(), shape.end());
      std::ranges::reverse(sizes);
      std::vector<int64_t> axes(sizes.size());
      for (size_t i = 0; i < axes.size(); ++i) axes[i] = static_cast<int64_t>(axes.size() - 1 - i);
      return {permute(View::contiguous(Shape(std::span<const int64_t>(sizes))), axes), count};
    }
    case Form::kRows:
      return part_of_wider(shape, shape.back(0) + 5, 2, 1);
    case Form::kGaps:
      return part_of_wider(shape, 2 * shape.back(0) + 1, 1, 2);
    case Form::kBackwards: {
      if (shape[0] == 0) return plain;
      return {slice(View::contiguous(shape), 0, shape[0] - 1, shape[0], -1), count};
    }
    case Form::kRepeated: {
      const std::optional<size_t> axis = repeated_axis(shape);
      if (!axis) return plain;
      std::vector<int64_t> sizes(shape.begin(), shape.end());
      sizes[*axis] = 1;
      const Shape once{std::span<const int64_t>(sizes)};
      return {broadcast_to(View::contiguous(once), shape), once.element_count()};
    }
  }
  return plain;
}

constexpr std::array kStrided = {Layout::kOffset,         Layout::kPermuted,   Layout::kRows,
                                 Layout::kGaps,           Layout::kBackwards,  Layout::kRepeated,
                                 Layout::kOutputPermuted, Layout::kOutputRows, Layout::kOutputGaps};

}  // namespace

std::string_view name_of(Layout layout) {
  switch (layout) {
    case Layout::kContiguous:
      return "contiguous";
    case Layout::kOffset:
      return "offset";
    case Layout::kPermuted:
      return "permuted";
    case Layout::kRows:
      return "rows";
    case Layout::kGaps:
      return "gaps";
    case Layout::kBackwards:
      return "backwards";
    case Layout::kRepeated:
      return "repeated";
    case Layout::kOutputPermuted:
      return "output-permuted";
    case Layout::kOutputRows:
      return "output-rows";
    case Layout::kOutputGaps:
      return "output-gaps";
    case Layout::kInPlace:
      return "in-place";
  }
  return {};
}

std::optional<size_t> repeated_axis(const Shape &shape) {
  for (size_t axis = 0; axis < shape.rank(); ++axis) {
    if (shape[axis] > 1) return axis;
  }
  return std::nullopt;
}

Placement place(Layout layout, const TensorType &type, bool is_output) {
  const Lying lying = lay(form_of(layout, is_output), type.shape);
  return {{type.dtype, lying.view},
          static_cast<uint64_t>(lying.elements) * static_cast<uint64_t>(size_bytes(type.dtype))};
}

std::vector<Layout> layouts_of(const OpCall &call) {
  std::vector<Layout> layouts{Layout::kContiguous};
  for (const Layout layout : kStrided) {
    const auto differs = [&](const std::vector<TensorType> &types, bool is_output) {
      return std::ranges::any_of(types, [&](const TensorType &type) {
        const View view = place(layout, type, is_output).view.view;
        return type.shape.element_count() > 0 && (!view.is_contiguous() || view.offset != 0);
      });
    };
    if (differs(call.inputs, false) || differs(call.outputs, true)) layouts.push_back(layout);
  }
  return layouts;
}

}  // namespace flame::conformance
