#include "core/ops/catalogue/checks.h"

#include <fmt/core.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "core/base/terminal.h"

namespace flame {

Error operand_error(const OpCall &call, size_t input, std::string_view expected) {
  const OperandSpec &spec = call.op->inputs[std::min(input, call.op->inputs.size() - 1)];
  return plugin_error(fmt::format("operand {} '{}' is {}, expected {}", input, spec.name,
                                  call.inputs[input].text(), expected));
}

Error attribute_error(std::string_view attribute, const AttributeValue &value,
                      std::string_view expected) {
  constexpr size_t kShownBytes = 80;
  std::string text = text_of(value);
  if (text.size() > kShownBytes) text = text.substr(0, kShownBytes) + "…";
  return plugin_error(
      fmt::format("the attribute '{}' is {}, expected {}", attribute, printable(text), expected));
}

bool is_computable(DType dtype) {
  return is_float(dtype) && !is_f8(dtype);
}

Status expect_computable(const OpCall &call, size_t input) {
  if (is_computable(call.dtype(input))) return {};
  return operand_error(call, input, "f64, f32, bf16 or f16");
}

Status expect_integer(const OpCall &call, size_t input) {
  if (call.dtype(input) == DType::kI64 || call.dtype(input) == DType::kI32) return {};
  return operand_error(call, input, "i64 or i32");
}

Status expect_same_dtype(const OpCall &call, size_t input, size_t as) {
  if (call.dtype(input) == call.dtype(as)) return {};
  return operand_error(call, input,
                       fmt::format("the type {} of operand {} '{}'", name_of(call.dtype(as)), as,
                                   call.op->inputs[as].name));
}

Status expect_dtype(const OpCall &call, size_t input, DType dtype) {
  if (call.dtype(input) == dtype) return {};
  return operand_error(call, input, name_of(dtype));
}

Status expect_rank(const OpCall &call, size_t input, size_t rank) {
  if (call.shape(input).rank() == rank) return {};
  return operand_error(call, input, fmt::format("{} axes", rank));
}

Status expect_rank_at_least(const OpCall &call, size_t input, size_t rank) {
  if (call.shape(input).rank() >= rank) return {};
  return operand_error(call, input, fmt::format("at least {} axes", rank));
}

Status expect_shape(const OpCall &call, size_t input, const Shape &shape) {
  if (call.shape(input) == shape) return {};
  return operand_error(call, input, fmt::format("the shape {}", shape.text()));
}

Status expect_one_float_type(const OpCall &call) {
  for (size_t i = 0; i < call.inputs.size(); ++i) {
    FLAME_TRY(expect_computable(call, i));
    FLAME_TRY(expect_same_dtype(call, i, 0));
  }
  return {};
}

Result<size_t> normal_axis(OpCall &call, std::string_view attribute, size_t rank) {
  const int64_t axis = call.attributes.integer(attribute);
  const int64_t limit = static_cast<int64_t>(rank);
  if (axis < -limit || axis >= limit) {
    return attribute_error(attribute, axis, fmt::format("an axis of a tensor of {} axes", rank));
  }
  const int64_t normal = axis < 0 ? axis + limit : axis;
  call.attributes.set(attribute, normal);
  return static_cast<size_t>(normal);
}

Result<std::vector<int64_t>> normal_axes(OpCall &call, std::string_view attribute, size_t rank) {
  std::vector<int64_t> axes = call.attributes.integers(attribute);
  const int64_t limit = static_cast<int64_t>(rank);
  for (int64_t &axis : axes) {
    if (axis < -limit || axis >= limit) {
      return attribute_error(attribute, call.attributes.integers(attribute),
                             fmt::format("axes of a tensor of {} axes", rank));
    }
    if (axis < 0) axis += limit;
  }
  std::ranges::sort(axes);
  if (std::ranges::adjacent_find(axes) != axes.end()) {
    return attribute_error(attribute, call.attributes.integers(attribute), "each axis once");
  }
  call.attributes.set(attribute, axes);
  return axes;
}

Result<DType> dtype_attribute(OpCall &call, std::string_view attribute, DType absent) {
  const std::string &name = call.attributes.text(attribute);
  if (name.empty()) {
    call.attributes.set(attribute, std::string(name_of(absent)));
    return absent;
  }
  if (const auto dtype = dtype_from_name(name)) return *dtype;
  std::vector<std::string_view> names;
  for (const DType dtype : all_dtypes()) names.push_back(name_of(dtype));
  return attribute_error(attribute, name, fmt::format("one of {}", fmt::join(names, ", ")));
}

Status expect_choice(const OpCall &call, std::string_view attribute,
                     std::initializer_list<std::string_view> choices) {
  const std::string &value = call.attributes.text(attribute);
  if (std::ranges::find(choices, value) != choices.end()) return {};
  return attribute_error(attribute, value,
                         fmt::format("one of \"{}\"", fmt::join(choices, "\", \"")));
}

Status expect_length(const OpCall &call, std::string_view attribute, size_t length) {
  const std::vector<int64_t> &values = call.attributes.integers(attribute);
  if (values.size() == length) return {};
  return attribute_error(attribute, values, fmt::format("{} numbers", length));
}

Status expect_range(const OpCall &call, std::string_view attribute, int64_t least, int64_t most) {
  const AttributeValue &value = *call.attributes.find(attribute);
  std::vector<int64_t> numbers;
  if (const auto *list = std::get_if<std::vector<int64_t>>(&value)) numbers = *list;
  if (const auto *single = std::get_if<int64_t>(&value)) numbers = {*single};
  for (const int64_t number : numbers) {
    if (number < least || number > most) {
      return attribute_error(attribute, value, fmt::format("numbers from {} to {}", least, most));
    }
  }
  return {};
}

Result<Shape> shape_attribute(const OpCall &call, std::string_view attribute) {
  const std::vector<int64_t> &sizes = call.attributes.integers(attribute);
  Result<Shape> shape = Shape::make(sizes);
  if (!shape.ok()) return attribute_error(attribute, sizes, "a shape: " + shape.error().what);
  return shape;
}

}  // namespace flame
