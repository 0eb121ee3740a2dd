#include "core/runtime/conformance/oracle.h"

#include "core/program/program_builder.h"
#include "core/runtime/evaluate.h"
#include "core/tensor/numbers.h"

namespace flame::conformance {
namespace {

std::string widened(const std::string &dtype_name) {
  const std::optional<DType> dtype = dtype_from_name(dtype_name);
  return dtype && is_float(*dtype) ? std::string(name_of(DType::kF64)) : dtype_name;
}

}  // namespace

Attributes widened_types(Attributes attributes) {
  const AttributeValue *dtype = attributes.find("dtype");
  if (dtype) attributes.set("dtype", widened(std::get<std::string>(*dtype)));
  const AttributeValue *dtypes = attributes.find("dtypes");
  if (!dtypes) return attributes;
  auto names = std::get<std::vector<std::string>>(*dtypes);
  for (std::string &name : names) name = widened(name);
  attributes.set("dtypes", names);
  return attributes;
}

HostTensor widened_tensor(const HostTensor &tensor) {
  if (!is_float(tensor.type.dtype)) return tensor;
  return tensor_of({DType::kF64, tensor.type.shape}, numbers_of(tensor));
}

Result<std::vector<HostTensor>> Oracle::answers(const OpCall &call,
                                                const std::vector<HostTensor> &inputs,
                                                bool in_own_type) const {
  in_own_type = in_own_type || !widens_;
  ProgramBuilder builder;
  TensorMap given;
  std::vector<ValueId> values;
  for (size_t i = 0; i < inputs.size(); ++i) {
    const std::string name = std::to_string(i);
    given[name] = in_own_type ? inputs[i] : widened_tensor(inputs[i]);
    values.push_back(builder.input(name, given[name].type));
  }
  const std::vector<ValueId> outputs = builder.add(
      call.op->name, values, in_own_type ? call.attributes : widened_types(call.attributes));
  for (size_t i = 0; i < call.outputs.size(); ++i) builder.output(std::to_string(i), outputs[i]);
  FLAME_ASSIGN(const Program program, builder.finish());
  FLAME_ASSIGN(TensorMap answers, evaluate(reference_, program, given));
  std::vector<HostTensor> list;
  for (size_t i = 0; i < call.outputs.size(); ++i)
    list.push_back(std::move(answers[std::to_string(i)]));
  return list;
}

}  // namespace flame::conformance
