#include "core/runtime/conformance/typed_case.h"

#include <fmt/core.h>

#include <algorithm>

#include "core/ops/catalogue/catalogue.h"

namespace flame::conformance {
namespace {

DType dtype_of(const CaseOperand &operand, DType dtype) {
  switch (operand.type_of) {
    case TypeOf::kCase:
      return dtype;
    case TypeOf::kCompute:
      return compute_dtype(dtype);
    case TypeOf::kFixed:
      return operand.dtype;
  }
  return dtype;
}

Result<OpCall> call_of(const OpDefinition &op, const OpCase &c, DType dtype) {
  std::vector<TensorType> types;
  for (const CaseOperand &operand : c.inputs)
    types.push_back({dtype_of(operand, dtype), operand.shape});
  Attributes attributes = c.attributes;
  if (c.dtype_attribute) attributes.set("dtype", std::string(name_of(dtype)));
  return infer_op(op.name, std::move(types), std::move(attributes));
}

bool has_own_type(const OpCase &c) {
  return c.dtype_attribute || std::ranges::any_of(c.inputs, [](const CaseOperand &operand) {
           return operand.type_of == TypeOf::kCase;
         });
}

std::string case_name(const TypedCase &c) {
  std::string name(c.call.op->name);
  for (const TensorType &type : c.call.inputs) name += " " + type.text();
  for (const AttributeSpec &spec : c.call.op->attributes) {
    const AttributeValue *value = c.call.attributes.find(spec.name);
    if (!value || (spec.default_value && *value == *spec.default_value)) continue;
    name += fmt::format(" {}={}", spec.name, text_of(*value));
  }
  return name + " " + std::string(name_of(c.content));
}

std::vector<Content> contents_of(const OpDefinition &op, const OpCase &c, DType dtype) {
  if (!is_float(dtype)) return {c.contents.empty() ? Content::kWhole : c.contents.front()};
  if (!c.contents.empty()) return c.contents;
  const bool filled = std::ranges::any_of(
      c.inputs, [](const CaseOperand &operand) { return operand.content == Content::kOfCase; });
  if (filled && op.agreement == Agreement::kLinear) return {Content::kNormal, Content::kWhole};
  return {Content::kNormal};
}

}  // namespace

bool TypedCase::exact() const {
  if (call.op->agreement == Agreement::kExact || !is_float(dtype)) return true;
  return call.op->agreement == Agreement::kLinear && content == Content::kWhole &&
         source.exact_when_whole;
}

bool TypedCase::oracle_in_own_type() const {
  return source.oracle_in_own_type || call.op->agreement == Agreement::kExact || !is_float(dtype);
}

Result<std::vector<TypedCase>> typed_cases(const OpDefinition &op) {
  std::vector<TypedCase> all;
  const CaseMaker make = find_cases(op.name);
  if (!make) return plugin_error(fmt::format("op '{}' has no conformance cases", op.name));
  for (const OpCase &c : make()) {
    const size_t before = all.size();
    std::string refusal;
    for (const DType dtype : all_dtypes()) {
      Result<OpCall> call = call_of(op, c, dtype);
      if (!call.ok()) {
        if (refusal.empty()) refusal = call.error().what;
        continue;
      }
      // Without an operand of the case's type all types would be the same case.
      const DType own =
          has_own_type(c) || call->outputs.empty() ? dtype : call->outputs.front().dtype;
      if (own != dtype) continue;
      for (const Content content : contents_of(op, c, dtype)) {
        all.push_back({c, dtype, content, *call, {}});
        all.back().name = case_name(all.back());
      }
    }
    if (all.size() == before)
      return plugin_error(fmt::format("a conformance case of '{}' is wrong: {}", op.name, refusal));
  }
  return all;
}

}  // namespace flame::conformance
