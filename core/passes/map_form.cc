#include "core/passes/map_form.h"

#include <algorithm>

#include "core/ops/catalogue/map_rules.h"
#include "core/passes/clean_up.h"

namespace flame {
namespace {

std::vector<MapInput> inputs_of(const Program &program, const Node &node) {
  std::vector<MapInput> inputs;
  for (const ValueId input : node.inputs) inputs.push_back({input, program.type(input).shape});
  return inputs;
}

// Without the leading axes of size 1.
Shape trimmed(const Shape &shape) {
  const auto *first =
      std::find_if(shape.begin(), shape.end(), [](int64_t size) { return size != 1; });
  return Shape(std::span<const int64_t>(first, shape.end()));
}

// Both end in the sizes of `tail`.
bool share_tail(const Shape &a, const Shape &b, const Shape &tail) {
  if (a.rank() < tail.rank() || b.rank() < tail.rank()) return false;
  for (size_t i = 0; i < tail.rank(); ++i) {
    if (a.back(i) != b.back(i)) return false;
  }
  return true;
}

}  // namespace

std::optional<MapForm> map_form(const Program &program, const Node &node) {
  MapForm form;
  if (node.op->name == "map") {
    std::string error;
    const auto count = static_cast<uint32_t>(node.inputs.size());
    if (!read_map_code(node.attributes.text("code"), count, form.code, error)) return {};
  } else if (node.op->name == "copy" && is_float(program.type(node.inputs[0]).dtype) &&
             is_float(program.type(node.outputs[0]).dtype)) {
    form.code.outputs.push_back({MapOperand::Kind::kInput, 0, 0, 0});
  } else {
    return {};
  }
  form.inputs = inputs_of(program, node);
  for (const ValueId output : node.outputs) form.dtypes.push_back(program.type(output).dtype);
  form.shape = program.type(node.outputs[0]).shape;
  form.wide = computes_wide(program, form.inputs, form.dtypes);
  return form;
}

bool computes_wide(const Program &program, const std::vector<MapInput> &inputs,
                   const std::vector<DType> &dtypes) {
  return std::ranges::find(dtypes, DType::kF64) != dtypes.end() ||
         std::ranges::any_of(inputs, [&](const MapInput &input) {
           return program.type(input.value).dtype == DType::kF64;
         });
}

std::optional<Shape> broadcast_shape(const std::vector<MapInput> &inputs) {
  Shape shape;
  for (const MapInput &input : inputs) {
    const Result<Shape> joined = broadcast(shape, input.shape);
    if (!joined.ok()) return {};
    shape = *joined;
  }
  return shape;
}

std::optional<MapForm> reshaped(const MapForm &form, const Shape &shape) {
  MapForm result = form;
  result.shape = shape;
  for (MapInput &input : result.inputs) {
    const Shape tail = trimmed(input.shape);
    if (input.shape.element_count() == form.element_count()) {
      input.shape = shape;
    } else if (share_tail(form.shape, shape, tail)) {
      input.shape = tail;
    } else {
      return {};
    }
  }
  return result;
}

bool may_skip_memory(const Program &program, const MapForm &form, size_t index) {
  const DType stored = form.dtypes[index];
  const MapOperand &operand = form.code.outputs[index];
  std::vector<ScalarClass> inputs;
  for (const MapInput &input : form.inputs)
    inputs.push_back(scalar_class(program.type(input.value).dtype));
  const ScalarClass seen = class_of(operand, inputs, result_classes(form.code, inputs));
  if (seen != scalar_class(stored)) return false;
  switch (seen) {
    case ScalarClass::kBool:
      return true;
    case ScalarClass::kInteger:
      return stored == DType::kI64;
    case ScalarClass::kFloat:
      break;
  }
  if (is_f8(stored) || (form.wide && stored != DType::kF64)) return false;
  // A cast that narrows is there on purpose.
  return operand.kind != MapOperand::Kind::kInput ||
         is_lossless(program.type(form.inputs[operand.index].value).dtype, stored);
}

}  // namespace flame
