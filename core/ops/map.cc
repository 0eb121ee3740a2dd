// map: one elementwise program over broadcast inputs.
#include <fmt/core.h>

#include "core/ops/catalogue/checks.h"
#include "core/ops/catalogue/costs.h"
#include "core/ops/catalogue/map_rules.h"

namespace flame::ops {
namespace {

Status infer(OpCall &call) {
  MapCode code;
  std::string error;
  const std::string &text = call.attributes.text("code");
  if (!read_map_code(text, static_cast<uint32_t>(call.inputs.size()), code, error)) {
    return plugin_error(error, "the language is described in flame/map_code.hpp");
  }
  Shape shape;
  std::vector<ScalarClass> classes;
  for (size_t i = 0; i < call.inputs.size(); ++i) {
    Result<Shape> joined = broadcast(shape, call.shape(i));
    if (!joined.ok()) {
      return operand_error(call, i, fmt::format("a shape that broadcasts with {}", shape.text()));
    }
    shape = *joined;
    classes.push_back(scalar_class(call.dtype(i)));
  }
  std::vector<std::string> names = call.attributes.texts("dtypes");
  if (names.empty()) names.resize(code.outputs.size());
  if (names.size() != code.outputs.size()) {
    return attribute_error("dtypes", names,
                           fmt::format("{} names, one for each output", code.outputs.size()));
  }
  const std::vector<ScalarClass> results = result_classes(code, classes);
  for (size_t i = 0; i < code.outputs.size(); ++i) {
    const ScalarClass result = class_of(code.outputs[i], classes, results);
    const auto dtype =
        names[i].empty() ? default_map_dtype(result, call.inputs) : dtype_from_name(names[i]);
    if (!dtype) return attribute_error("dtypes", names, "names of element types");
    names[i] = name_of(*dtype);
    call.outputs.push_back({*dtype, shape});
  }
  call.attributes.set("dtypes", names);
  return {};
}

double cost(const OpCall &call) {
  MapCode code;
  std::string error;
  const auto inputs = static_cast<uint32_t>(call.inputs.size());
  if (!read_map_code(call.attributes.text("code"), inputs, code, error)) return 0;  // infer says so
  const auto elements = static_cast<double>(call.outputs[0].shape.element_count());
  return touched_elements(call) + cost_of(code) * elements;
}

}  // namespace

OpDefinition define_map() {
  return {
      .name = "map",
      .group = OpGroup::kRequired,
      .summary = "Elementwise code over inputs that broadcast to one shape.",
      .formula =
          "Each output element is the code's value for the inputs' elements at its place. All "
          "inputs broadcast to "
          "the outputs' shape.\n"
          "Classes: bool; integer (i64, i32, u8), computed in 64 bits; float, computed in f64 if "
          "any input or output "
          "is f64, else in f32.\n"
          "Storing: a float becomes a narrower float by rounding to nearest, halves to even (f16, "
          "bf16: beyond the "
          "range infinity; f8: the largest finite number, NaN stays NaN), an integer by truncation "
          "towards zero "
          "(beyond the range the nearest bound, NaN gives 0); an integer becomes a narrower one by "
          "keeping its low "
          "bits; anything becomes bool as \"not 0\", and bool becomes 0 or 1.\n"
          "Chains of functions are to be as exact as f32 (or f64) allows; no value is stored in "
          "between.",
      .inputs = {{"x", "any types; shapes that broadcast", OperandCount::kMany}},
      .outputs = {{"y", "the broadcast shape; one for each output of the code",
                   OperandCount::kMany}},
      .attributes = {{"code", AttributeKind::kString, std::nullopt,
                      "such as \"mul x0 x1; silu t0\"; the language is in flame/map_code.hpp, the "
                      "functions in the "
                      "table below"},
                     {"dtypes", AttributeKind::kStrings, std::vector<std::string>{},
                      "the outputs' types; absent or \"\": joined from the inputs of the result's "
                      "class (f32 or i64 "
                      "without any), bool for truths"}},
      .dtypes = "all in and out",
      .agreement = Agreement::kNumeric,
      .precision = {PrecisionRole::kFollow, "computes in f32 inside and rounds once"},
      .infer = infer,
      .gradient = map_gradient,
      .gradient_note =
          "reverse mode over the code, by the derivatives of the scalar functions: again one map",
      .cost = cost,
  };
}

}  // namespace flame::ops
