#include "tests/support/evaluate.h"

#include <cstring>
#include <memory>

#include "backends/reference/elements.h"
#include "backends/reference/kernel.h"
#include "core/ops/catalogue/abi_attributes.h"
#include "core/program/rewrite.h"

namespace flame::testing_support {
namespace {

// A value while the program runs.
struct Held {
  std::shared_ptr<std::vector<std::byte>> buffer;
  DType dtype = DType::kF32;
  View view;
};

flame_tensor abi_tensor(const Held &held) {
  flame_tensor tensor{};
  tensor.struct_size = sizeof(tensor);
  tensor.dtype = to_abi(held.dtype);
  tensor.rank = static_cast<uint32_t>(held.view.shape.rank());
  tensor.shape = held.view.shape.begin();
  tensor.strides = held.view.strides.data();
  tensor.data = held.buffer->data();
  tensor.byte_offset = static_cast<uint64_t>(held.view.offset * size_bytes(held.dtype));
  tensor.buffer_size = held.buffer->size();
  return tensor;
}

Held fresh(const TensorType &type) {
  const auto size = static_cast<size_t>(type.size_bytes());
  return {std::make_shared<std::vector<std::byte>>(size, std::byte{0xff}), type.dtype,
          View::contiguous(type.shape)};
}

Status run_kernel(std::string_view name, const Attributes &attributes,
                  const std::vector<Held> &inputs, const std::vector<Held> &outputs) {
  const reference::Kernel kernel = reference::find_kernel(name);
  if (!kernel)
    return plugin_error("the reference has no kernel for op '" + std::string(name) + "'");
  std::vector<flame_tensor> tensors;
  for (const Held &input : inputs) tensors.push_back(abi_tensor(input));
  for (const Held &output : outputs) tensors.push_back(abi_tensor(output));
  std::vector<const flame_tensor *> pointers;
  for (const flame_tensor &tensor : tensors) pointers.push_back(&tensor);
  const AbiAttributes list(attributes);
  flame_op op{};
  op.struct_size = sizeof(op);
  op.input_count = static_cast<uint32_t>(inputs.size());
  op.output_count = static_cast<uint32_t>(outputs.size());
  op.attribute_count = list.count();
  op.name = {name.data(), name.size()};
  op.inputs = pointers.data();
  op.outputs = pointers.data() + inputs.size();
  op.attributes = list.data();
  kernel(op);
  return {};
}

Result<Held> contiguous(const Held &held) {
  Held copy = fresh({held.dtype, held.view.shape});
  FLAME_TRY(run_kernel("copy", {{"dtype", std::string(name_of(held.dtype))}}, {held}, {copy}));
  return copy;
}

// A view where strides can express it, else a copy and then a view.
Result<Held> resolve(const Node &node, const Held &input, const Shape &output) {
  if (const auto view = node.op->resolve(input.view, node.attributes, output)) {
    return Held{input.buffer, input.dtype, *view};
  }
  FLAME_ASSIGN(const Held copy, contiguous(input));
  const auto view = node.op->resolve(copy.view, node.attributes, output);
  if (!view) return plugin_error("a contiguous tensor has no view");
  return Held{copy.buffer, copy.dtype, *view};
}

Status run_node(const Program &program, const Node &node, std::vector<Held> &values) {
  std::vector<Held> inputs;
  for (const ValueId input : node.inputs) inputs.push_back(values[input]);
  if (node.op->group == OpGroup::kView) {
    FLAME_ASSIGN(values[node.outputs[0]],
                 resolve(node, inputs[0], program.type(node.outputs[0]).shape));
    return {};
  }
  std::vector<Held> outputs;
  for (const ValueId output : node.outputs) {
    values[output] = fresh(program.type(output));
    outputs.push_back(values[output]);
  }
  return run_kernel(node.op->name, node.attributes, inputs, outputs);
}

Status feed(const Program &program, ValueId value, const std::string &name, const TensorMap &given,
            std::vector<Held> &values) {
  const auto found = given.find(name);
  if (found == given.end()) return plugin_error("no data is given for '" + name + "'");
  if (found->second.type != program.type(value)) {
    return plugin_error("the data for '" + name + "' is " + found->second.type.text() +
                        ", expected " + program.type(value).text());
  }
  values[value] = fresh(found->second.type);
  *values[value].buffer = found->second.bytes;
  return {};
}

}  // namespace

HostTensor tensor_of(const TensorType &type, const std::vector<double> &numbers) {
  Held held = fresh(type);
  const flame_tensor tensor = abi_tensor(held);
  size_t next = 0;
  reference::for_each_index(tensor, [&](const reference::Index &index) {
    reference::store(tensor, index, reference::element_of(numbers[next++]));
  });
  return {type, *held.buffer};
}

std::vector<double> numbers_of(const HostTensor &tensor) {
  Held held = fresh(tensor.type);
  *held.buffer = tensor.bytes;
  std::vector<double> numbers;
  const flame_tensor view = abi_tensor(held);
  reference::for_each_index(view, [&](const reference::Index &index) {
    numbers.push_back(reference::number_at(view, index));
  });
  return numbers;
}

Result<TensorMap> evaluate(const Program &program, const TensorMap &given) {
  FLAME_ASSIGN(const Program plain, expand_all(program));
  std::vector<Held> values(plain.values().size());
  for (const NamedValue &input : plain.inputs())
    FLAME_TRY(feed(plain, input.value, input.name, given, values));
  for (const Parameter &parameter : plain.parameters()) {
    FLAME_TRY(feed(plain, parameter.value, parameter.name, given, values));
  }
  for (const Node &node : plain.nodes()) FLAME_TRY(run_node(plain, node, values));
  TensorMap outputs;
  for (const NamedValue &output : plain.outputs()) {
    FLAME_ASSIGN(const Held held, contiguous(values[output.value]));
    outputs[output.name] = {plain.type(output.value), *held.buffer};
  }
  return outputs;
}

}  // namespace flame::testing_support
