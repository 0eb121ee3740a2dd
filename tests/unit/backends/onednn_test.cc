// Each op of backends/onednn against its decomposition on the reference kernels in f64.
#include "tests/support/onednn.h"

#include <gmock/gmock.h>

#include <cmath>
#include <cstring>
#include <random>

#include "backends/reference/elements.h"
#include "core/ops/catalogue/abi_attributes.h"
#include "core/program/program_builder.h"
#include "tests/support/evaluate.h"

namespace flame {
namespace {

using testing_support::numbers_of;
using testing_support::tensor_of;
using Ints = std::vector<int64_t>;
using Numbers = std::vector<double>;

struct Input {
  Shape shape;
  // The order in which the axes lie in memory, outermost first; empty: row-major.
  std::vector<size_t> order = {};
  std::optional<DType> dtype = {};  // absent: the type that the case is run in
};

struct Case {
  std::string name;
  std::string op;
  std::vector<Input> inputs;
  Attributes attributes = {};
  bool whole_numbers = false;  // small ones: the answer is exact
};

void PrintTo(const Case &test, std::ostream *out) {
  *out << test.op << " " << test.name;
}

Numbers numbers_for(const Case &test, const TensorType &type, size_t index) {
  std::mt19937_64 random(index + 1);
  Numbers numbers(static_cast<size_t>(type.shape.element_count()));
  for (double &number : numbers) {
    number = std::normal_distribution<double>()(random);
    if (type.dtype == DType::kBool) number = number > -0.5;
    if (test.whole_numbers) number = static_cast<double>(random() % 9) - 4;
  }
  return numbers_of(tensor_of(type, numbers));
}

// A program of the one op, in which inputs without a type of their own have `dtype`.
Program program_of(const Case &test, DType dtype) {
  ProgramBuilder builder;
  std::vector<ValueId> ids;
  for (const Input &input : test.inputs) {
    // What is saved in f32 is saved in f64 by an op in f64.
    const bool is_saved = dtype == DType::kF64 && input.dtype == DType::kF32;
    const TensorType type{is_saved ? dtype : input.dtype.value_or(dtype), input.shape};
    ids.push_back(builder.input("x" + std::to_string(ids.size()), type));
  }
  const auto made = builder.add(test.op, ids, test.attributes);
  for (size_t i = 0; i < made.size() && builder.status().ok(); ++i)
    builder.output(std::to_string(i), made[i]);
  Result<Program> program = builder.finish();
  EXPECT_TRUE(program.ok()) << program.error().text();
  return std::move(*program);
}

std::vector<Numbers> expected_of(const Case &test, const std::vector<Numbers> &inputs) {
  const Program program = program_of(test, DType::kF64);
  TensorMap data;
  for (size_t i = 0; i < inputs.size(); ++i) {
    data["x" + std::to_string(i)] = tensor_of(program.type(program.inputs()[i].value), inputs[i]);
  }
  const auto answers = testing_support::evaluate(program, data);
  EXPECT_TRUE(answers.ok()) << answers.error().text();
  std::vector<Numbers> outputs;
  for (const NamedValue &output : program.outputs())
    outputs.push_back(numbers_of(answers->at(output.name)));
  return outputs;
}

// A tensor with strides, as the backend gets it.
struct Strided {
  Shape shape;
  Strides strides{};
  std::vector<std::byte> bytes;
  flame_tensor tensor{};

  Strided(const TensorType &type, const std::vector<size_t> &order)
      : shape(type.shape),
        strides(contiguous_strides(shape)),
        bytes(static_cast<size_t>(type.size_bytes()), std::byte{0xff}) {
    int64_t step = 1;
    for (size_t i = order.size(); i-- > 0;) {
      strides[order[i]] = step;
      step *= std::max<int64_t>(shape[order[i]], 1);
    }
    tensor = {sizeof tensor,
              to_abi(type.dtype),
              static_cast<uint32_t>(shape.rank()),
              FLAME_DEVICE_CPU,
              shape.begin(),
              strides.data(),
              bytes.data(),
              0,
              bytes.size()};
  }
  Strided(const Strided &) = delete;

  void set(const Numbers &numbers) {
    size_t next = 0;
    reference::for_each_index(tensor, [&](const reference::Index &index) {
      reference::store(tensor, index, reference::element_of(numbers[next++]));
    });
  }
  Numbers get() const {
    Numbers numbers;
    reference::for_each_index(tensor, [&](const reference::Index &index) {
      numbers.push_back(reference::number_at(tensor, index));
    });
    return numbers;
  }
};

std::vector<Numbers> answers_of(const Case &test, DType dtype,
                                const std::vector<Numbers> &numbers) {
  const Program program = program_of(test, dtype);
  std::vector<std::unique_ptr<Strided>> held;
  std::vector<const flame_tensor *> tensors;
  for (size_t i = 0; i < numbers.size(); ++i) {
    const TensorType &type = program.type(program.inputs()[i].value);
    held.push_back(std::make_unique<Strided>(type, test.inputs[i].order));
    held.back()->set(numbers[i]);
  }
  for (const NamedValue &output : program.outputs())
    held.push_back(std::make_unique<Strided>(program.type(output.value), std::vector<size_t>()));
  for (const auto &one : held) tensors.push_back(&one->tensor);

  const AbiAttributes attributes(program.nodes()[0].attributes);
  const auto inputs = static_cast<uint32_t>(numbers.size());
  const auto outputs = static_cast<uint32_t>(program.outputs().size());
  const flame_op op = {sizeof op,
                       inputs,
                       outputs,
                       attributes.count(),
                       {test.op.data(), test.op.size()},
                       tensors.data(),
                       tensors.data() + inputs,
                       attributes.data()};
  try {
    testing_support::run_on_onednn(op);
  } catch (const std::exception &refusal) {
    // As the host does, strided inputs that are refused are copied.
    if (!std::strstr(refusal.what(), "contiguous")) throw;
    Case copied = test;
    for (Input &input : copied.inputs) input.order.clear();
    return answers_of(copied, dtype, numbers);
  }
  std::vector<Numbers> answers;
  for (size_t i = inputs; i < held.size(); ++i) answers.push_back(held[i]->get());
  return answers;
}

double norm_relative(const Numbers &answer, const Numbers &expected) {
  double error = 0;
  double norm = 0;
  for (size_t i = 0; i < answer.size(); ++i) {
    if (answer[i] == expected[i] || (std::isnan(answer[i]) && std::isnan(expected[i]))) continue;
    if (!std::isfinite(answer[i] - expected[i])) return INFINITY;
    error += (answer[i] - expected[i]) * (answer[i] - expected[i]);
  }
  for (const double number : expected)
    if (std::isfinite(number)) norm += number * number;
  return error == 0 ? 0 : std::sqrt(error / norm);
}

class OneDnn : public testing::TestWithParam<Case> {};

void expect_agreement(const Case &test, DType dtype, double tolerance) {
  std::vector<Numbers> inputs;
  for (const Input &input : test.inputs)
    inputs.push_back(numbers_for(test, {input.dtype.value_or(dtype), input.shape}, inputs.size()));
  const std::vector<Numbers> expected = expected_of(test, inputs);
  const std::vector<Numbers> answers = answers_of(test, dtype, inputs);
  for (size_t i = 0; i < expected.size(); ++i) {
    ASSERT_EQ(answers[i].size(), expected[i].size());
    EXPECT_LE(norm_relative(answers[i], expected[i]), test.whole_numbers ? 0 : tolerance)
        << name_of(dtype) << ", output " << i;
  }
}

TEST_P(OneDnn, AgreesWithTheReferenceInF32) {
  expect_agreement(GetParam(), DType::kF32, 2e-6);
}
TEST_P(OneDnn, AgreesWithTheReferenceInBf16) {
  if (!GetParam().whole_numbers) expect_agreement(GetParam(), DType::kBF16, 8e-3);
}
TEST_P(OneDnn, AgreesWithTheReferenceInF16) {
  if (!GetParam().whole_numbers) expect_agreement(GetParam(), DType::kF16, 1e-3);
}

const Case kProducts[] = {
    {"square", "matmul", {{{33, 65}}, {{65, 17}}}},
    {"both transposed",
     "matmul",
     {{{65, 33}}, {{17, 65}}},
     {{"transpose_a", true}, {"transpose_b", true}}},
    {"with an addend", "matmul", {{{3, 9, 5}}, {{3, 5, 7}}, {{3, 9, 7}}}},
    {"batches that broadcast", "matmul", {{{2, 1, 9, 5}}, {{3, 5, 7}}}},
    {"one b for all", "matmul", {{{2, 3, 9, 5}}, {{5, 7}}}},
    {"one a for all", "matmul", {{{9, 5}}, {{2, 3, 5, 7}}}},
    {"heads as axis 1 of memory",
     "matmul",
     {{{2, 3, 9, 8}, {0, 2, 1, 3}}, {{2, 3, 8, 7}, {0, 2, 1, 3}}}},
    {"strided and transposed",
     "matmul",
     {{{2, 3, 9, 8}, {0, 2, 1, 3}}, {{2, 3, 7, 8}, {0, 2, 1, 3}}},
     {{"transpose_b", true}}},
    {"no rows", "matmul", {{{0, 5}}, {{5, 7}}}},
    {"nothing to sum", "matmul", {{{4, 0}}, {{0, 7}}, {{4, 7}}}},
    {"one row", "matmul", {{{1, 77}}, {{77, 3}}}},
    {"one column", "matmul", {{{6, 77}}, {{77, 1}}}},
    {"whole numbers", "matmul", {{{64, 512}}, {{512, 48}}}, {}, true},
    {"with bias", "linear", {{{2, 5, 33}}, {{17, 33}}, {{17}}}},
    {"with bias and addend", "linear", {{{2, 5, 33}}, {{17, 33}}, {{17}}, {{2, 5, 17}}}},
    {"with bias and addend, one vector", "linear", {{{33}}, {{17, 33}}, {{17}}, {{17}}}},
    {"without bias", "linear", {{{77, 64}}, {{48, 64}}}},
    {"a vector", "linear", {{{33}}, {{17, 33}}, {{17}}}},
    {"nothing to sum", "linear", {{{3, 0}}, {{4, 0}}, {{4}}}},
    {"rows apart", "linear", {{{8, 5}, {1, 0}}, {{6, 5}}}},
};
INSTANTIATE_TEST_SUITE_P(Products, OneDnn, testing::ValuesIn(kProducts));

const Attributes kStrided = {
    {"stride", Ints{2, 1}}, {"padding", Ints{1, 0, 2, 1}}, {"dilation", Ints{1, 2}}};
const Attributes kGroups = {{"groups", 2}, {"padding", Ints{1, 1, 1, 1}}};

Attributes with(Attributes attributes, const char *name, Ints value) {
  attributes.set(name, std::move(value));
  return attributes;
}

const Case kConvolutions[] = {
    {"3 by 3",
     "conv2d",
     {{{2, 9, 7, 16}}, {{32, 3, 3, 16}}, {{32}}},
     {{"padding", Ints{1, 1, 1, 1}}}},
    {"odd options", "conv2d", {{{2, 9, 8, 5}}, {{7, 3, 2, 5}}}, kStrided},
    {"groups", "conv2d", {{{1, 6, 7, 6}}, {{4, 3, 3, 3}}, {{4}}}, kGroups},
    {"a group for each channel", "conv2d", {{{2, 6, 7, 8}}, {{8, 3, 3, 1}}}, {{"groups", 8}}},
    {"1 by 1", "conv2d", {{{2, 5, 5, 33}}, {{17, 1, 1, 33}}, {{17}}}},
    {"four channels", "conv2d", {{{1, 8, 8, 4}}, {{32, 3, 3, 4}}}, {{"padding", Ints{1, 1, 1, 1}}}},
    {"a large window", "conv2d", {{{1, 5, 5, 3}}, {{2, 7, 7, 3}}}, {{"padding", Ints{3, 3, 3, 3}}}},
    {"no images", "conv2d", {{{0, 5, 5, 3}}, {{2, 3, 3, 3}}}},
    {"no channels", "conv2d", {{{2, 5, 5, 0}}, {{2, 3, 3, 0}}, {{2}}}},
    {"whole numbers", "conv2d", {{{2, 8, 8, 32}}, {{32, 3, 3, 32}}, {{32}}}, {}, true},
    {"3 by 3",
     "conv2d_input_grad",
     {{{2, 9, 7, 32}}, {{32, 3, 3, 16}}},
     {{"padding", Ints{1, 1, 1, 1}}, {"size", Ints{9, 7}}}},
    {"odd options",
     "conv2d_input_grad",
     {{{2, 4, 9, 7}}, {{7, 3, 2, 5}}},
     with(kStrided, "size", {9, 8})},
    {"groups",
     "conv2d_input_grad",
     {{{1, 6, 7, 4}}, {{4, 3, 3, 3}}},
     with(kGroups, "size", {6, 7})},
    {"rows that no window meets",
     "conv2d_input_grad",
     {{{1, 2, 2, 4}}, {{4, 1, 1, 3}}},
     {{"stride", Ints{3, 3}}, {"size", Ints{6, 5}}}},
    {"whole numbers",
     "conv2d_input_grad",
     {{{2, 6, 6, 32}}, {{32, 3, 3, 32}}},
     {{"size", Ints{8, 8}}},
     true},
    {"3 by 3",
     "conv2d_weight_grad",
     {{{2, 9, 7, 16}}, {{2, 9, 7, 32}}},
     {{"padding", Ints{1, 1, 1, 1}}, {"window", Ints{3, 3}}}},
    {"odd options",
     "conv2d_weight_grad",
     {{{2, 9, 8, 5}}, {{2, 4, 9, 7}}},
     with(kStrided, "window", {3, 2})},
    {"groups",
     "conv2d_weight_grad",
     {{{1, 6, 7, 6}}, {{1, 6, 7, 4}}},
     with(kGroups, "window", {3, 3})},
    {"1 by 1", "conv2d_weight_grad", {{{2, 5, 5, 33}}, {{2, 5, 5, 17}}}, {{"window", Ints{1, 1}}}},
    {"no images", "conv2d_weight_grad", {{{0, 5, 5, 3}}, {{0, 3, 3, 2}}}, {{"window", Ints{3, 3}}}},
    {"whole numbers",
     "conv2d_weight_grad",
     {{{2, 8, 8, 32}}, {{2, 6, 6, 32}}},
     {{"window", Ints{3, 3}}},
     true},
};
INSTANTIATE_TEST_SUITE_P(Convolutions, OneDnn, testing::ValuesIn(kConvolutions));

const Case kRows[] = {
    {"of odd length", "softmax", {{{3, 77}}}},
    {"of one", "softmax", {{{3, 1}}}},
    {"along the first axis", "softmax", {{{9, 2, 3}}}, {{"axis", 0}}},
    {"of nothing", "softmax", {{{3, 0}}}},
    {"long", "softmax", {{{2, 5000}}}},
    {"of odd length", "softmax_grad", {{{3, 77}}, {{3, 77}}}},
    {"of odd length", "log_softmax", {{{3, 77}}}},
    {"along axis 1", "log_softmax", {{{3, 7, 4}}}, {{"axis", 1}}},
    {"of odd length", "log_softmax_grad", {{{3, 77}}, {{3, 77}}}},
};
INSTANTIATE_TEST_SUITE_P(Rows, OneDnn, testing::ValuesIn(kRows));

const DType kF32 = DType::kF32;
const Case kNorms[] = {
    {"whole", "layer_norm", {{{3, 5, 33}}, {{33}}, {{33}}}},
    {"bare", "layer_norm", {{{7, 16}}}, {{"eps", 0.1}}},
    {"no rows", "layer_norm", {{{0, 16}}, {{16}}}},
    {"whole", "rms_norm", {{{3, 5, 33}}, {{33}}}},
    {"bare", "rms_norm", {{{200, 8}}}},
    {"whole",
     "layer_norm_grad",
     {{{150, 33}}, {{150, 33}}, {{150}, {}, kF32}, {{150}, {}, kF32}, {{33}}},
     {{"weight_gradient", true}}},
    {"bare", "layer_norm_grad", {{{3, 17}}, {{3, 17}}, {{3}, {}, kF32}, {{3}, {}, kF32}}},
    {"with an addend",
     "layer_norm_grad",
     {{{9, 33}}, {{9, 33}}, {{9}, {}, kF32}, {{9}, {}, kF32}, {{33}}, {{9, 33}}},
     {{"weight_gradient", true}}},
    {"no rows",
     "layer_norm_grad",
     {{{0, 17}}, {{0, 17}}, {{0}, {}, kF32}, {{0}, {}, kF32}, {{17}}},
     {{"weight_gradient", true}}},
    {"whole",
     "rms_norm_grad",
     {{{3, 5, 33}}, {{3, 5, 33}}, {{3, 5}, {}, kF32}, {{33}}},
     {{"weight_gradient", true}}},
    {"with an addend",
     "rms_norm_grad",
     {{{3, 5, 33}}, {{3, 5, 33}}, {{3, 5}, {}, kF32}, {{33}}, {{3, 5, 33}}}},
    {"with silu",
     "group_norm",
     {{{2, 9, 15, 24}}, {{24}}, {{24}}},
     {{"groups", 3}, {"activation", "silu"}}},
    {"bare", "group_norm", {{{3, 7, 10}}}, {{"groups", 5}}},
    {"many slices", "group_norm", {{{1, 3, 3, 320}}, {{320}}}, {{"groups", 32}}},
    {"no places", "group_norm", {{{2, 0, 8}}, {{8}}}, {{"groups", 4}}},
    {"with silu",
     "group_norm_grad",
     {{{2, 9, 15, 24}}, {{2, 9, 15, 24}}, {{2, 3}, {}, kF32}, {{2, 3}, {}, kF32}, {{24}}, {{24}}},
     {{"groups", 3}, {"activation", "silu"}, {"weight_gradient", true}}},
    {"bare",
     "group_norm_grad",
     {{{3, 7, 10}}, {{3, 7, 10}}, {{3, 5}, {}, kF32}, {{3, 5}, {}, kF32}},
     {{"groups", 5}}},
    {"with silu and an addend",
     "group_norm_grad",
     {{{2, 99, 24}},
      {{2, 99, 24}},
      {{2, 3}, {}, kF32},
      {{2, 3}, {}, kF32},
      {{24}},
      {{24}},
      {{2, 99, 24}}},
     {{"groups", 3}, {"activation", "silu"}, {"weight_gradient", true}}},
    {"many slices",
     "group_norm_grad",
     {{{2, 9, 320}}, {{2, 9, 320}}, {{2, 32}, {}, kF32}, {{2, 32}, {}, kF32}, {{320}}},
     {{"groups", 32}}},
};
INSTANTIATE_TEST_SUITE_P(Norms, OneDnn, testing::ValuesIn(kNorms));

const DType kBool = DType::kBool;
const Attributes kScale = {{"scale", 0.3}};
const Attributes kCausal = {{"scale", 0.3}, {"causal", true}};
// dy, q, k, v, y and lse of b, s, t, h, d and e, then maybe a mask.
std::vector<Input> grad_inputs(int64_t b, int64_t s, int64_t t, int64_t h, int64_t d, int64_t e,
                               std::vector<Input> mask = {}) {
  std::vector<Input> inputs = {{{b, s, h, e}}, {{b, s, h, d}}, {{b, t, h, d}},
                               {{b, t, h, e}}, {{b, s, h, e}}, {{b, h, s}, {}, kF32}};
  inputs.insert(inputs.end(), mask.begin(), mask.end());
  return inputs;
}
const Case kAttentions[] = {
    {"77 keys", "attention", {{{2, 65, 3, 8}}, {{2, 77, 3, 8}}, {{2, 77, 3, 5}}}, kScale},
    {"many blocks", "attention", {{{1, 130, 2, 16}}, {{1, 600, 2, 16}}, {{1, 600, 2, 16}}}, kScale},
    {"causal", "attention", {{{1, 300, 1, 8}}, {{1, 300, 1, 8}}, {{1, 300, 1, 8}}}, kCausal},
    {"a mask of bool",
     "attention",
     {{{2, 5, 3, 8}}, {{2, 7, 3, 8}}, {{2, 7, 3, 8}}, {{2, 1, 5, 7}, {}, kBool}},
     kScale},
    {"a mask that is added",
     "attention",
     {{{2, 5, 3, 8}}, {{2, 7, 3, 8}}, {{2, 7, 3, 8}}, {{3, 1, 7}}},
     kScale},
    {"heads outside in memory",
     "attention",
     {{{2, 5, 3, 8}, {0, 2, 1, 3}}, {{2, 7, 3, 8}, {2, 0, 1, 3}}, {{2, 7, 3, 8}, {0, 2, 1, 3}}},
     kScale},
    {"no keys", "attention", {{{2, 5, 3, 8}}, {{2, 0, 3, 8}}, {{2, 0, 3, 8}}}, kScale},
    {"no queries", "attention", {{{2, 0, 3, 8}}, {{2, 4, 3, 8}}, {{2, 4, 3, 8}}}, kScale},
    {"77 keys", "attention_grad", grad_inputs(2, 65, 77, 3, 8, 5), kScale},
    {"many blocks", "attention_grad", grad_inputs(1, 130, 600, 2, 16, 16), kScale},
    {"causal", "attention_grad", grad_inputs(1, 300, 300, 1, 8, 8), kCausal},
    {"a mask of bool", "attention_grad", grad_inputs(2, 5, 7, 3, 8, 8, {{{2, 1, 5, 7}, {}, kBool}}),
     kScale},
    {"a mask that is added", "attention_grad", grad_inputs(2, 5, 7, 3, 8, 8, {{{3, 5, 7}}}),
     kScale},
    {"no keys", "attention_grad", grad_inputs(2, 5, 0, 3, 8, 8), kScale},
    {"no queries", "attention_grad", grad_inputs(2, 0, 5, 3, 8, 8), kScale},
};
INSTANTIATE_TEST_SUITE_P(Attentions, OneDnn, testing::ValuesIn(kAttentions));

}  // namespace
}  // namespace flame
