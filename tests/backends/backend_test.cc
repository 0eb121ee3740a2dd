// A backend's library gives the answers of the reference kernels, whatever the layout of the
// tensors; and refuses what it does not do with a reason.
#include <gmock/gmock.h>

#include <cmath>
#include <cstring>

#include "backends/reference/elements.h"
#include "backends/reference/kernel.h"
#include "core/ops/catalogue/abi_attributes.h"
#include "core/ops/catalogue/catalogue.h"
#include "core/program/program_builder.h"
#include "tests/backends/op_case.h"
#include "tests/backends/opened_backend.h"
#include "tests/support/evaluate.h"

namespace flame::backend_test {
namespace {

using testing::HasSubstr;

// How a tensor lies in its memory.
enum class Layout {
  kContiguous,
  kGaps,       // every second element along the last axis, behind an offset
  kBackwards,  // the first axis runs backwards
  kPermuted,   // the first axis is the quickest
};

class Tensor {
 public:
  Tensor(const TensorType &type, Layout layout) : type_(type) {
    const size_t rank = type.shape.rank();
    strides_ = contiguous_strides(type.shape);
    int64_t first = 0;
    int64_t count = type.shape.element_count();
    if (layout == Layout::kGaps) {
      for (int64_t &stride : strides_) stride *= 2;
      first = 3;
      count = 2 * count + 3;
    }
    if (layout == Layout::kBackwards && rank > 0 && type.shape[0] > 0) {
      first = (type.shape[0] - 1) * strides_[0];
      strides_[0] = -strides_[0];
    }
    if (layout == Layout::kPermuted && rank > 1) {
      int64_t stride = 1;
      for (size_t axis = 0; axis < rank; ++axis) {
        strides_[axis] = stride;
        stride *= std::max<int64_t>(type.shape[axis], 1);
      }
    }
    const int64_t bytes = size_bytes(type.dtype);
    memory_.assign(static_cast<size_t>(count * bytes), std::byte{0xff});
    tensor_ = {sizeof tensor_,
               to_abi(type.dtype),
               static_cast<uint32_t>(rank),
               FLAME_DEVICE_CPU,
               type_.shape.begin(),
               strides_.data(),
               memory_.data(),
               static_cast<uint64_t>(first * bytes),
               memory_.size()};
  }
  Tensor(const Tensor &) = delete;
  Tensor &operator=(const Tensor &) = delete;

  const flame_tensor &get() const { return tensor_; }
  DType dtype() const { return type_.dtype; }
  const std::vector<std::byte> &memory() const { return memory_; }
  void set_memory(const std::vector<std::byte> &bytes) {
    std::copy(bytes.begin(), bytes.end(), memory_.begin());
  }

 private:
  TensorType type_;
  Strides strides_;
  std::vector<std::byte> memory_;
  flame_tensor tensor_;
};

// Even numbers in [0, 1), the same in every run.
class Noise {
 public:
  double next() {
    state_ = state_ * 6364136223846793005u + 1442695040888963407u;
    return static_cast<double>(state_ >> 40) * 0x1p-24;
  }

 private:
  uint64_t state_ = 1;
};

double number_of(Content content, Noise &noise) {
  static constexpr double kSpecials[] = {INFINITY, -INFINITY, NAN,  0.0,   -0.0, 3e38,
                                         -3e38,    1e-40,     1e-6, -88.5, 89.0, 104.5,
                                         -1.0,     1.0,       2.5,  -255.5};
  const double even = noise.next();
  switch (content) {
    case Content::kSmall:
      return even * 4 - 2;
    case Content::kWide:
      return even * 80 - 40;
    case Content::kWhole:
      return std::floor(even * 9) - 4;
    case Content::kIndex:
      return std::floor(even * 8) - 1;
    case Content::kSpecial:
      return noise.next() < 0.5 ? even * 4 - 2 : kSpecials[static_cast<int>(even * 16)];
  }
  return 0;
}

void fill(const Tensor &tensor, Content content, uint64_t seed) {
  Noise noise;
  for (uint64_t i = 0; i < seed; ++i) noise.next();
  reference::for_each_index(tensor.get(), [&](const reference::Index &index) {
    reference::store(tensor.get(), index, reference::element_of(number_of(content, noise)));
  });
}

// The norm-relative error that is allowed; 0 stands for the same bits.
double tolerance(Agreement agreement, DType dtype) {
  if (agreement == Agreement::kExact || !is_float(dtype)) return 0;
  if (dtype == DType::kF64) return 1e-13;
  if (dtype == DType::kF32) return 2e-6;
  return dtype == DType::kF16 ? 2e-4 : 2e-3;  // now and then the neighbour
}

// Empty, or how `seen` differs from `expected`.
std::string difference(const Tensor &expected, const Tensor &seen, double allowed) {
  double squares = 0;
  double error = 0;
  std::string text;
  reference::for_each_index(expected.get(), [&](const reference::Index &index) {
    const reference::Element a = reference::load(expected.get(), index);
    const reference::Element b = reference::load(seen.get(), index);
    const bool finite = std::isfinite(a.number) && std::isfinite(b.number);
    const bool same = a.integer == b.integer &&
                      (a.number == b.number || (std::isnan(a.number) && std::isnan(b.number)));
    const bool same_sign = std::isnan(a.number) || std::signbit(a.number) == std::signbit(b.number);
    if (text.empty() && !(same && same_sign) && (allowed == 0 || !finite)) {
      text = "at [";
      for (const int64_t place : index) text += std::to_string(place) + " ";
      text += "] expected " + std::to_string(reference::as_number(a)) + ", seen " +
              std::to_string(reference::as_number(b));
    }
    if (!finite) return;
    squares += a.number * a.number;
    error += (a.number - b.number) * (a.number - b.number);
  });
  if (text.empty() && error > allowed * allowed * squares)
    text = "norm-relative error " + std::to_string(std::sqrt(error / squares) * 1e6) + "e-6";
  return text;
}

using Tensors = std::vector<std::unique_ptr<Tensor>>;

flame_op op_of(const OpCall &call, const AbiAttributes &attributes,
               std::vector<const flame_tensor *> &pointers, const Tensors &inputs,
               const Tensors &outputs) {
  pointers.clear();
  for (const auto &tensor : inputs) pointers.push_back(&tensor->get());
  for (const auto &tensor : outputs) pointers.push_back(&tensor->get());
  return {sizeof(flame_op),
          static_cast<uint32_t>(inputs.size()),
          static_cast<uint32_t>(outputs.size()),
          attributes.count(),
          {call.op->name.data(), call.op->name.size()},
          pointers.data(),
          pointers.data() + inputs.size(),
          attributes.data()};
}

void copy(const flame_tensor &from, const flame_tensor &to) {
  reference::for_each_index(to, [&](const reference::Index &index) {
    reference::store(to, index, reference::load(from, index));
  });
}

// The answers of an optional op, which the reference has not.
void evaluate_decomposition(const OpCall &call, const Tensors &inputs, const Tensors &outputs) {
  ProgramBuilder builder;
  std::vector<ValueId> ids;
  TensorMap data;
  for (size_t i = 0; i < inputs.size(); ++i) {
    const std::string name = "x" + std::to_string(i);
    ids.push_back(builder.input(name, call.inputs[i]));
    const Tensor contiguous(call.inputs[i], Layout::kContiguous);
    copy(inputs[i]->get(), contiguous.get());
    data[name] = {call.inputs[i], contiguous.memory()};
  }
  const std::vector<ValueId> made = builder.add(call.op->name, ids, call.attributes);
  for (size_t i = 0; i < made.size(); ++i) builder.output("y" + std::to_string(i), made[i]);
  const Result<Program> program = builder.finish();
  ASSERT_TRUE(program.ok()) << program.error().text();
  const auto answers = testing_support::evaluate(*program, data);
  ASSERT_TRUE(answers.ok()) << answers.error().text();
  for (size_t i = 0; i < outputs.size(); ++i)
    outputs[i]->set_memory(answers->at("y" + std::to_string(i)).bytes);
}

// Empty, or what is wrong with the backend's answer to the case in that layout.
std::string check(OpenedBackend &backend, const OpCase &use, Layout layout) {
  std::vector<TensorType> types;
  for (const CaseInput &input : use.inputs) types.push_back(input.type);
  const Result<OpCall> call = infer_op(use.op, types, use.attributes);
  if (!call.ok()) return call.error().text();
  const AbiAttributes attributes(call->attributes);
  Tensors inputs, expected, seen;
  for (const CaseInput &input : use.inputs) {
    inputs.push_back(std::make_unique<Tensor>(input.type, layout));
    fill(*inputs.back(), input.content, inputs.size() * 1000);
  }
  for (const TensorType &output : call->outputs) {
    expected.push_back(std::make_unique<Tensor>(output, Layout::kContiguous));
    seen.push_back(std::make_unique<Tensor>(output, layout));
  }
  std::vector<const flame_tensor *> pointers;
  if (const reference::Kernel kernel = reference::find_kernel(use.op)) {
    kernel(op_of(*call, attributes, pointers, inputs, expected));
  } else {
    evaluate_decomposition(*call, inputs, expected);
  }
  if (backend.run(op_of(*call, attributes, pointers, inputs, seen))) return backend.message();
  for (size_t i = 0; i < seen.size(); ++i) {
    const double allowed = tolerance(call->op->agreement, seen[i]->dtype());
    const std::string text = difference(*expected[i], *seen[i], allowed);
    if (!text.empty()) return "output " + std::to_string(i) + ": " + text;
  }
  return {};
}

class Backend : public testing::TestWithParam<std::string> {
 protected:
  OpenedBackend backend{std::string(FLAME_PLUGIN_FOLDER) + "/" + GetParam() + ".so"};
};

void check_all(OpenedBackend &backend, const std::string &name, Layout layout) {
  std::vector<OpCase> cases = plain_cases();
  // The products of onednn have a test of their own, as they refuse some layouts.
  for (const OpCase &use : name == "reference" ? product_cases() : elementwise_cases())
    cases.push_back(use);
  for (const OpCase &use : cases) {
    const std::string wrong = check(backend, use, layout);
    EXPECT_EQ(wrong, "") << use.name();
  }
}

TEST_P(Backend, AnswersAsTheReferenceDoes) {
  check_all(backend, GetParam(), Layout::kContiguous);
}

TEST_P(Backend, TakesTensorsWithGaps) {
  check_all(backend, GetParam(), Layout::kGaps);
}

TEST_P(Backend, TakesTensorsThatRunBackwards) {
  check_all(backend, GetParam(), Layout::kBackwards);
}

TEST_P(Backend, TakesPermutedTensors) {
  check_all(backend, GetParam(), Layout::kPermuted);
}

// An op of one input and one output with the attributes code and dtypes of a map.
class MapOf {
 public:
  MapOf(const char *code, const flame_tensor &x, const flame_tensor &y)
      : tensors_{&x, &y},
        attributes_{{FLAME_ATTRIBUTE_STRING, 1, FLAME_STR("code"), {}},
                    {FLAME_ATTRIBUTE_STRINGS, 0, FLAME_STR("dtypes"), {.ss = nullptr}}} {
    attributes_[0].value.s = {code, std::strlen(code)};
  }
  flame_op op() const {
    return {sizeof(flame_op), 1, 1, 2, FLAME_STR("map"), tensors_, tensors_ + 1, attributes_};
  }

 private:
  const flame_tensor *tensors_[2];
  flame_attribute attributes_[2];
};

TEST_P(Backend, WritesInPlaceWhatItSaysItCan) {
  for (const char *code : {"neg x0", "exp x0; mul t0 x0", "mul x0 2.0; silu x0; add t0 t1"}) {
    const TensorType type{DType::kF32, Shape{4, 300}};
    const Tensor x(type, Layout::kContiguous);
    const Tensor y(type, Layout::kContiguous);
    fill(x, Content::kSmall, 1);
    const MapOf map(code, x.get(), y.get());
    ASSERT_EQ(backend.run(map.op()), FLAME_OK) << backend.message();
    flame_op_info info;
    ASSERT_EQ(backend.probe(map.op(), info), FLAME_OK);
    if (!(info.in_place_mask & 1)) continue;
    ASSERT_EQ(backend.run(MapOf(code, x.get(), x.get()).op()), FLAME_OK);
    EXPECT_EQ(difference(y, x, 0), "") << code;
  }
}

// Backends take other ways for what no cache holds.
TEST_P(Backend, WritesLargeOutputsWhole) {
  if (GetParam() == "reference") return;  // slow, and the same for every size
  const int64_t count = (int64_t{9} << 20) + 77;
  const Tensor x({DType::kF32, Shape{count}}, Layout::kContiguous);
  auto *numbers = static_cast<float *>(x.get().data);
  for (int64_t i = 0; i < count; ++i) numbers[i] = static_cast<float>(i % 250);
  for (const DType dtype : {DType::kF32, DType::kBF16}) {
    const Tensor y({dtype, Shape{count}}, Layout::kContiguous);
    ASSERT_EQ(backend.run(MapOf("add x0 1.0", x.get(), y.get()).op()), FLAME_OK);
    int64_t wrong = 0;
    for (int64_t i = 0; i < count; ++i) {
      const auto at = static_cast<size_t>(i * size_bytes(dtype));
      uint32_t bits = 0;
      std::memcpy(&bits, y.memory().data() + at, static_cast<size_t>(size_bytes(dtype)));
      if (dtype == DType::kBF16) bits <<= 16;
      float seen = 0;
      std::memcpy(&seen, &bits, sizeof seen);
      wrong += seen != static_cast<float>(i % 250 + 1);
    }
    EXPECT_EQ(wrong, 0) << name_of(dtype);
  }
}

TEST_P(Backend, RefusesAnAttributeOfALaterCatalogue) {
  const Tensor x({DType::kF32, Shape{2}}, Layout::kContiguous);
  const flame_tensor *const tensors[] = {&x.get(), &x.get()};
  const flame_attribute attributes[] = {
      {FLAME_ATTRIBUTE_STRING, 1, FLAME_STR("dtype"), {.s = FLAME_STR("f32")}},
      {FLAME_ATTRIBUTE_INT, 1, FLAME_STR("sideways"), {.i = 1}}};
  flame_op_info info;
  const flame_op op = {sizeof op, 1, 1, 2, FLAME_STR("copy"), tensors, tensors + 1, attributes};
  EXPECT_EQ(backend.probe(op, info), FLAME_ERROR_UNSUPPORTED);
  EXPECT_THAT(backend.message(), HasSubstr("'sideways'"));
}

TEST_P(Backend, RefusesAnOpThatItDoesNotKnow) {
  flame_op_info info;
  const flame_op op = {sizeof op, 0,       0,      0, FLAME_STR("com.example.swirl"),
                       nullptr,   nullptr, nullptr};
  EXPECT_EQ(backend.probe(op, info), FLAME_ERROR_UNSUPPORTED);
  EXPECT_THAT(backend.message(), HasSubstr("com.example.swirl"));
}

INSTANTIATE_TEST_SUITE_P(Of, Backend, testing::Values(FLAME_BACKENDS),
                         [](const auto &param) { return param.param; });

}  // namespace
}  // namespace flame::backend_test
