#include "core/runtime/conformance/oracle.h"

#include "core/program/program_builder.h"
#include "core/runtime/evaluate.h"
#include "core/tensor/convert.h"

namespace flame::conformance {
namespace {

bool is_narrower(DType dtype, DType wide) {
  return is_float(dtype) && size_bytes(dtype) < size_bytes(wide);
}

std::string widened(const std::string &dtype_name, DType wide) {
  const std::optional<DType> dtype = dtype_from_name(dtype_name);
  return dtype && is_narrower(*dtype, wide) ? std::string(name_of(wide)) : dtype_name;
}

}  // namespace

Attributes widened_types(Attributes attributes, DType wide) {
  const AttributeValue *dtype = attributes.find("dtype");
  if (dtype) attributes.set("dtype", widened(std::get<std::string>(*dtype), wide));
  const AttributeValue *dtypes = attributes.find("dtypes");
  if (!dtypes) return attributes;
  auto names = std::get<std::vector<std::string>>(*dtypes);
  for (std::string &name : names) name = widened(name, wide);
  attributes.set("dtypes", names);
  return attributes;
}

HostTensor widened_tensor(const HostTensor &tensor, DType wide) {
  if (!is_narrower(tensor.type.dtype, wide)) return tensor;
  HostTensor made{{wide, tensor.type.shape}, {}};
  made.bytes.resize(static_cast<size_t>(made.type.size_bytes()));
  convert_elements(tensor.type.dtype, tensor.bytes, wide, made.bytes);
  return made;
}

Result<std::vector<HostTensor>> Oracle::answers(const OpCall &call,
                                                const std::vector<HostTensor> &inputs,
                                                bool in_own_type) const {
  FLAME_ASSIGN(const DeviceStream stream, reference_.create_stream());
  std::vector<const HostTensor *> pointers;
  for (const HostTensor &input : inputs) pointers.push_back(&input);
  return answers(stream, call, pointers, in_own_type);
}

Result<std::vector<HostTensor>> Oracle::answers(const DeviceStream &stream, const OpCall &call,
                                                std::span<const HostTensor *const> inputs,
                                                bool in_own_type) const {
  const bool widens = wide_ && !in_own_type;
  ProgramBuilder builder;
  std::vector<HostTensor> widened(inputs.size());
  GivenTensors given;
  std::vector<ValueId> values;
  for (size_t i = 0; i < inputs.size(); ++i) {
    const HostTensor *tensor = inputs[i];
    if (widens && is_narrower(tensor->type.dtype, *wide_)) {
      widened[i] = widened_tensor(*tensor, *wide_);
      tensor = &widened[i];
    }
    const std::string name = std::to_string(i);
    given[name] = tensor;
    values.push_back(builder.input(name, tensor->type));
  }
  const std::vector<ValueId> outputs = builder.add(
      call.op->name, values, widens ? widened_types(call.attributes, *wide_) : call.attributes);
  for (size_t i = 0; i < call.outputs.size(); ++i) builder.output(std::to_string(i), outputs[i]);
  FLAME_ASSIGN(const Program program, builder.finish());
  FLAME_ASSIGN(TensorMap answers, evaluate(reference_, stream, program, given));
  std::vector<HostTensor> list;
  for (size_t i = 0; i < call.outputs.size(); ++i)
    list.push_back(std::move(answers[std::to_string(i)]));
  return list;
}

Result<bool> computes_in_f64(Device &device) {
  const TypedView view = TypedView::contiguous({DType::kF64, {2, 2}});
  const std::vector<TypedView> inputs = {view, view}, outputs = {view};
  FLAME_ASSIGN(
      const OpAnswer answer,
      device.probe("matmul", {{"transpose_a", false}, {"transpose_b", false}, {"dtype", "f64"}},
                   inputs, outputs));
  return answer.info.has_value();
}

}  // namespace flame::conformance
