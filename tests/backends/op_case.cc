#include "tests/backends/op_case.h"

#include "flame/scalar_functions.hpp"

namespace flame::backend_test {
namespace {

using Ints = std::vector<int64_t>;
using Cases = std::vector<OpCase>;

const std::vector<DType> kFloats = {DType::kF64, DType::kF32, DType::kBF16, DType::kF16};
const std::vector<DType> kNumbers = {DType::kF64, DType::kF32, DType::kBF16,
                                     DType::kF16, DType::kI64, DType::kI32};

std::string dtype_text(DType dtype) {
  return std::string(name_of(dtype));
}

void add_map_cases(Cases &cases) {
  for (const ScalarFunction &function : kScalarFunctions) {
    for (const DType dtype : {DType::kF32, DType::kF64, DType::kBF16, DType::kI32, DType::kBool}) {
      for (const Content content : {Content::kSmall, Content::kWide, Content::kSpecial}) {
        OpCase use{"map", {}, {}};
        std::string code(function.name);
        for (uint32_t i = 0; i < function.arity; ++i) {
          use.inputs.push_back({{dtype, Shape{3, 37}}, content});
          code += " x" + std::to_string(i);
        }
        use.attributes.set("code", code);
        cases.push_back(use);
      }
    }
  }
  // Broadcasting, several outputs, classes that are mixed, constants, an input as an output.
  const Attributes chain = {
      {"code", "mul x0 x1; add t0 x2; silu t1; gt t2 0.5; where t3 t2 x3; mul t4 2 -> t4 t3 x0"}};
  for (const DType dtype : kFloats) {
    cases.push_back({"map",
                     {{{dtype, Shape{5, 7, 33}}},
                      {{dtype, Shape{33}}},
                      {{DType::kF32, Shape{7, 1}}},
                      {{dtype, Shape{}}}},
                     {{"code", "mul x0 x1; add t0 x2; silu t1; add t2 x3 -> t3 t0"}}});
    cases.push_back({"map",
                     {{{dtype, Shape{5, 1, 9}}},
                      {{DType::kI32, Shape{5, 6, 1}}},
                      {{DType::kBool, Shape{1, 6, 9}}},
                      {{DType::kF32, Shape{}}}},
                     chain});
    cases.push_back({"map", {{{dtype, Shape{0, 4}}}}, {{"code", "exp x0"}}});
    cases.push_back({"map", {{{dtype, Shape{}}}}, {{"code", "exp x0"}}});
    cases.push_back({"map", {{{dtype, Shape{70, 1003}}}}, {{"code", "gelu x0; mul t0 x0"}}});
  }
  cases.push_back({"map", {}, {{"code", "add 1 2.5"}}});
}

void add_copy_cases(Cases &cases) {
  for (const DType from : all_dtypes()) {
    for (const DType to : all_dtypes()) {
      for (const Content content : {Content::kWide, Content::kSpecial}) {
        cases.push_back(
            {"copy", {{{from, Shape{3, 5, 19}}, content}}, {{"dtype", dtype_text(to)}}});
      }
    }
  }
  for (const Shape &shape : {Shape{}, Shape{0}, Shape{2, 0, 3}, Shape{300, 410}})
    cases.push_back({"copy", {{{DType::kF32, shape}}}, {}});
}

void add_reduce_cases(Cases &cases) {
  for (const DType dtype : kNumbers) {
    for (const char *kind : {"sum", "mean", "max", "min", "prod"}) {
      const bool whole = is_integer(dtype);
      if (whole && std::string(kind) == "mean") continue;
      for (const Ints &axes : {Ints{}, Ints{0}, Ints{1}, Ints{2}, Ints{0, 2}, Ints{0, 1, 2}}) {
        for (const Shape &shape : {Shape{3, 5, 41}, Shape{3, 0, 4}}) {
          cases.push_back({"reduce",
                           {{{dtype, shape}, whole ? Content::kWhole : Content::kSmall}},
                           {{"kind", kind}, {"axes", axes}, {"keep_dims", axes.size() == 2}}});
        }
      }
      cases.push_back({"reduce",
                       {{{dtype, Shape{40, 33}}, Content::kSpecial}},
                       {{"kind", kind}, {"axes", Ints{0}}}});
    }
  }
  cases.push_back(
      {"reduce", {{{DType::kF32, Shape{70000}}}}, {{"kind", "sum"}, {"axes", Ints{0}}}});
  for (const Ints &axes : {Ints{0}, Ints{1}, Ints{0, 2}, Ints{1, 2}}) {
    cases.push_back(
        {"reduce", {{{DType::kF32, Shape{20, 30, 101}}}}, {{"kind", "sum"}, {"axes", axes}}});
  }
  cases.push_back({"reduce",
                   {{{DType::kBF16, Shape{7, 3000}}}},
                   {{"kind", "mean"}, {"axes", Ints{1}}, {"dtype", "f32"}}});
}

void add_line_cases(Cases &cases) {
  for (const DType dtype : kNumbers) {
    const Content small = is_integer(dtype) ? Content::kWhole : Content::kSmall;
    for (const int64_t axis : {0, 1, 2}) {
      for (const bool flag : {false, true}) {
        for (const Content content : {small, Content::kSpecial}) {
          const TensorType type{dtype, Shape{4, 5, 23}};
          const std::string kind = flag ? "max" : "min";
          cases.push_back({"argreduce",
                           {{type, content}},
                           {{"kind", kind}, {"axis", axis}, {"keep_dims", flag}}});
          cases.push_back({"sort", {{type, content}}, {{"axis", axis}, {"descending", flag}}});
        }
        cases.push_back({"cumsum",
                         {{{dtype, Shape{4, 5, 23}}, small}},
                         {{"axis", axis}, {"exclusive", flag}, {"reverse", axis != 1}}});
      }
    }
    cases.push_back({"sort", {{{dtype, Shape{3, 0}}}}, {{"axis", int64_t{1}}}});
    cases.push_back({"cumsum", {{{dtype, Shape{0, 3}}}}, {{"axis", int64_t{0}}}});
  }
}

void add_index_cases(Cases &cases) {
  for (const DType dtype : all_dtypes()) {
    for (const int64_t axis : {0, 1, 2}) {
      const TensorType x{dtype, Shape{6, 5, 4}};
      const CaseInput chosen{{axis == 1 ? DType::kI32 : DType::kI64, Shape{2, 3}}, Content::kIndex};
      cases.push_back({"gather", {{x}, chosen}, {{"axis", axis}}});
      Ints sizes(x.shape.begin(), x.shape.end());
      sizes.erase(sizes.begin() + axis);
      sizes.insert(sizes.begin() + axis, {2, 3});
      const bool summed =
          is_integer(dtype) ? dtype != DType::kU8 : is_float(dtype) && !is_f8(dtype);
      if (summed)
        cases.push_back({"scatter_add", {{x}, chosen, {{dtype, Shape(sizes)}}}, {{"axis", axis}}});
      Cases &c = cases;
      c.push_back(
          {"concat",
           {{{dtype, Shape{2, 3, 4}}}, {{dtype, Shape{2, 3, 4}}}, {{dtype, Shape{2, 3, 4}}}},
           {{"axis", axis}}});
    }
    cases.push_back({"concat",
                     {{{dtype, Shape{2, 0}}}, {{dtype, Shape{2, 33}}}, {{dtype, Shape{2, 1}}}},
                     {{"axis", int64_t{1}}}});
    cases.push_back(
        {"gather", {{{dtype, Shape{5, 40}}}, {{DType::kI64, Shape{}}, Content::kIndex}}, {}});
  }
}

void add_made_cases(Cases &cases) {
  for (const DType dtype : all_dtypes()) {
    for (const Ints &shape : {Ints{}, Ints{0, 2}, Ints{3, 67}})
      cases.push_back(
          {"fill", {}, {{"shape", shape}, {"value", 3.0}, {"dtype", dtype_text(dtype)}}});
  }
  for (const DType dtype : kNumbers) {
    const double start = is_integer(dtype) ? -3 : 0.1;
    const double step = is_integer(dtype) ? 7 : -0.3;
    for (const int64_t axis : {0, 1}) {
      cases.push_back({"iota",
                       {},
                       {{"shape", Ints{5, 67}},
                        {"axis", axis},
                        {"start", start},
                        {"step", step},
                        {"dtype", dtype_text(dtype)}}});
    }
  }
  const CaseInput scalar{{DType::kI64, Shape{}}, Content::kWhole};
  for (const DType dtype : kFloats) {
    for (const char *kind : {"uniform", "normal"}) {
      for (const Ints &shape : {Ints{}, Ints{0}, Ints{3, 41}, Ints{9000}}) {
        cases.push_back({"random",
                         {scalar, scalar},
                         {{"kind", kind},
                          {"shape", shape},
                          {"stream", int64_t{4000000000}},
                          {"dtype", dtype_text(dtype)}}});
      }
    }
  }
  cases.push_back({"random", {scalar, scalar}, {{"kind", "bits"}, {"shape", Ints{5, 5}}}});
}

void add_pool_cases(Cases &cases) {
  const std::vector<Attributes> windows = {
      {{"window", Ints{2, 3}}},
      {{"window", Ints{3, 3}}, {"stride", Ints{2, 1}}, {"padding", Ints{1, 2, 0, 1}}},
      {{"window", Ints{3, 2}}, {"padding", Ints{1, 1, 1, 1}}, {"count_include_pad", true}},
      {{"output_size", Ints{3, 4}}}};
  for (const DType dtype : kFloats) {
    for (const Attributes &window : windows) {
      const Ints sizes = window.find("output_size") ? Ints{3, 4}
                         : window.find("stride")    ? Ints{5, 7}
                         : window.find("padding")   ? Ints{3, 5}
                                                    : Ints{4, 2};
      for (const char *kind : {"max", "average"}) {
        const bool maximum = std::string(kind) == "max";
        Attributes attributes = window;
        attributes.set("kind", kind);
        if (maximum && window.find("count_include_pad")) continue;
        const CaseInput x{{dtype, Shape{2, 8, 8, 5}}, Content::kWhole};
        cases.push_back({"pool2d", {x}, attributes});
        attributes.set("size", Ints{8, 8});
        OpCase grad{"pool2d_grad", {{{dtype, Shape{2, sizes[0], sizes[1], 5}}}}, attributes};
        if (maximum) grad.inputs.push_back(x);
        cases.push_back(grad);
      }
    }
  }
}

void add_product_cases(Cases &cases) {
  for (const DType dtype : kFloats) {
    cases.push_back({"matmul",
                     {{{dtype, Shape{2, 1, 5, 7}}}, {{dtype, Shape{3, 9, 7}}}},
                     {{"transpose_b", true}}});
    cases.push_back({"matmul",
                     {{{dtype, Shape{7, 5}}}, {{dtype, Shape{7, 9}}}, {{dtype, Shape{5, 9}}}},
                     {{"transpose_a", true}}});
    cases.push_back({"matmul", {{{dtype, Shape{3, 0}}}, {{dtype, Shape{0, 2}}}}, {}});
    const Attributes window = {{"stride", Ints{2, 1}},
                               {"padding", Ints{1, 0, 1, 2}},
                               {"dilation", Ints{1, 2}},
                               {"groups", int64_t{2}}};
    const TensorType x{dtype, Shape{2, 7, 6, 4}}, weight{dtype, Shape{6, 3, 2, 2}},
        y{dtype, Shape{2, 3, 7, 6}};
    cases.push_back({"conv2d", {{x}, {weight}, {{dtype, Shape{6}}}}, window});
    Attributes sized = window;
    sized.set("size", Ints{7, 6});
    cases.push_back({"conv2d_input_grad", {{y}, {weight}}, sized});
    Attributes windowed = window;
    windowed.set("window", Ints{3, 2});
    cases.push_back({"conv2d_weight_grad", {{x}, {y}}, windowed});
  }
}

}  // namespace

std::string OpCase::name() const {
  std::string text = op + "(";
  for (const CaseInput &input : inputs) text += input.type.text() + " ";
  text += ")";
  for (const auto &[key, value] : attributes.entries()) text += " " + key + "=" + text_of(value);
  for (const CaseInput &input : inputs)
    text += input.content == Content::kSpecial ? " special" : "";
  return text;
}

std::vector<OpCase> plain_cases() {
  Cases cases;
  add_map_cases(cases);
  add_copy_cases(cases);
  add_reduce_cases(cases);
  add_line_cases(cases);
  add_index_cases(cases);
  add_made_cases(cases);
  add_pool_cases(cases);
  return cases;
}

std::vector<OpCase> product_cases() {
  Cases cases;
  add_product_cases(cases);
  return cases;
}

std::vector<OpCase> elementwise_cases() {
  Cases cases;
  for (const DType dtype : kFloats) {
    const CaseInput x{{dtype, Shape{3, 5, 34}}}, half{{dtype, Shape{3, 5, 17}}};
    for (const char *activation : {"gelu", "gelu_tanh", "silu"}) {
      cases.push_back({"geglu", {x}, {{"activation", activation}}});
      cases.push_back({"geglu_grad", {half, x}, {{"activation", activation}}});
    }
    for (const char *pairing : {"adjacent", "halves"}) {
      for (const bool inverse : {false, true}) {
        cases.push_back({"rope",
                         {x, {{compute_dtype(dtype), Shape{3, 1, 17}}}, {{dtype, Shape{5, 17}}}},
                         {{"pairing", pairing}, {"inverse", inverse}}});
      }
    }
    cases.push_back({"modulate", {x, {{dtype, Shape{3, 1, 34}}}, {{dtype, Shape{34}}}}, {}});
    cases.push_back({"cast", {x}, {{"dtype", "bf16"}}});
    cases.push_back({"embedding",
                     {{{DType::kI64, Shape{2, 9}}, Content::kIndex}, {{dtype, Shape{5, 33}}}},
                     {}});
  }
  return cases;
}

}  // namespace flame::backend_test
