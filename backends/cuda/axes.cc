#include "backends/cuda/axes.h"

#include <algorithm>
#include <cstdlib>

namespace flame::cuda {

Sizes sizes_of(const flame_tensor &tensor) {
  return Sizes(tensor.shape, tensor.shape + tensor.rank);
}

Sizes strides_of(const flame_tensor &tensor) {
  return Sizes(tensor.strides, tensor.strides + tensor.rank);
}

Sizes dense_strides(const Sizes &shape) {
  Sizes strides(shape.size(), 1);
  for (size_t axis = shape.size(); axis-- > 1;) strides[axis - 1] = strides[axis] * shape[axis];
  return strides;
}

Sizes broadcast_strides(const flame_tensor &tensor, const Sizes &shape) {
  Sizes strides(shape.size(), 0);
  const size_t skipped = shape.size() - tensor.rank;
  for (uint32_t axis = 0; axis < tensor.rank; ++axis) {
    if (tensor.shape[axis] != 1) strides[skipped + axis] = tensor.strides[axis];
  }
  return strides;
}

Axes merged_axes(const Sizes &shape, const std::vector<Sizes> &strides, AxisOrder order) {
  Axes axes;
  for (size_t axis = 0; axis < shape.size(); ++axis) {
    if (shape[axis] == 1) continue;
    Axis &made = axes.emplace_back();
    made.size = shape[axis];
    for (const Sizes &of_tensor : strides) made.strides.push_back(of_tensor[axis]);
  }
  if (order == AxisOrder::kByFirst && !strides.empty()) {
    std::stable_sort(axes.begin(), axes.end(), [](const Axis &a, const Axis &b) {
      return std::abs(a.strides[0]) > std::abs(b.strides[0]);
    });
  }
  for (size_t axis = axes.size(); axis-- > 1;) {
    Axis &outer = axes[axis - 1];
    const Axis &inner = axes[axis];
    bool fits = true;
    for (size_t tensor = 0; tensor < inner.strides.size(); ++tensor)
      fits = fits && outer.strides[tensor] == inner.strides[tensor] * inner.size;
    if (!fits) continue;
    outer.size *= inner.size;
    outer.strides = inner.strides;
    axes.erase(axes.begin() + static_cast<int64_t>(axis));
  }
  return axes;
}

int64_t element_count(const Axes &axes) {
  int64_t count = 1;
  for (const Axis &axis : axes) count *= axis.size;
  return count;
}

Axes axes_of(const Axes &axes, size_t tensor) {
  Sizes shape, strides;
  for (const Axis &axis : axes) {
    shape.push_back(axis.size);
    strides.push_back(axis.strides[tensor]);
  }
  return merged_axes(shape, {strides});
}

std::string offset_function(const std::string &name, const Axes &axes, size_t tensor) {
  const Axes own = axes_of(axes, tensor);
  std::string body;
  if (own.empty()) {
    body = "return 0;";
  } else if (own.size() == 1) {
    body = flame::text("return i * (Index)", own[0].strides[0], "ll;");
  } else {
    body = "Unsigned u = (Unsigned)i; Index offset = 0; ";
    for (size_t axis = own.size(); axis-- > 1;) {
      body += flame::text("offset += (Index)(u % ", own[axis].size, "u) * (Index)",
                          own[axis].strides[0], "ll; u /= ", own[axis].size, "u; ");
    }
    body += flame::text("return offset + (Index)u * (Index)", own[0].strides[0], "ll;");
  }
  return flame::text("inline Index ", name, "(Index i) { ", body, " }\n");
}

bool needs_wide_index(const Axes &axes) {
  constexpr int64_t kMost = (int64_t{1} << 31) - (int64_t{1} << 20);  // blocks run past the end
  if (element_count(axes) >= kMost) return true;
  const size_t tensors = axes.empty() ? 0 : axes[0].strides.size();
  for (size_t tensor = 0; tensor < tensors; ++tensor) {
    int64_t reach = 0;
    for (const Axis &axis : axes) reach += std::abs(axis.strides[tensor]) * (axis.size - 1);
    if (reach >= kMost) return true;
  }
  return false;
}

std::string index_types(bool wide) {
  return wide ? "using Index = long long;\nusing Unsigned = unsigned long long;\n"
              : "using Index = int;\nusing Unsigned = unsigned;\n";
}

}  // namespace flame::cuda
