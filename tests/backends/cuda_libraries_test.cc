// The ways of NVIDIA's libraries agree with the backend's own ways at sizes where the libraries take
// their large kernels. Skipped where no GPU answers.
#include <cmath>
#include <cstring>
#include <random>

#include "backends/cuda/axes.h"
#include "tests/backends/on_gpu.h"

namespace flame::cuda {
namespace {

using flame::Attribute;

constexpr flame_dtype kBF16 = FLAME_DTYPE_BF16;
constexpr flame_dtype kF32 = FLAME_DTYPE_F32;

float float_of(uint16_t bf16) {
  const uint32_t bits = uint32_t{bf16} << 16;
  float value = 0;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}
uint16_t bf16_of(float value) {
  uint32_t bits = 0;
  std::memcpy(&bits, &value, sizeof bits);
  return static_cast<uint16_t>(bits >> 16);  // of numbers that bf16 holds
}

std::vector<float> floats_of(const Bytes &bytes, flame_dtype dtype) {
  std::vector<float> out(bytes.size() / static_cast<size_t>(FLAME_DTYPE_BYTES(dtype)));
  if (dtype == kF32) std::memcpy(out.data(), bytes.data(), bytes.size());
  for (size_t i = 0; dtype == kBF16 && i < out.size(); ++i) {
    uint16_t bits = 0;
    std::memcpy(&bits, bytes.data() + 2 * i, sizeof bits);
    out[i] = float_of(bits);
  }
  return out;
}

// ‖a - b‖ / ‖b‖; NaN if either has one.
double distance(const std::vector<float> &a, const std::vector<float> &b) {
  double apart = 0;
  double norm = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    apart += std::pow(static_cast<double>(a[i]) - static_cast<double>(b[i]), 2);
    norm += std::pow(static_cast<double>(b[i]), 2);
  }
  return std::sqrt(apart / norm);
}

class VendorWays : public OnGpu {
 protected:
  struct Spec {
    flame_dtype dtype;
    Sizes shape;
  };

  // Whole numbers from -3 to 3, divided; the same for the same seed.
  static Bytes numbers(const Spec &spec, float divisor, unsigned seed) {
    std::mt19937 random(seed);
    int64_t count = 1;
    for (const int64_t size : spec.shape) count *= size;
    Bytes bytes(static_cast<size_t>(count * FLAME_DTYPE_BYTES(spec.dtype)));
    for (size_t i = 0; i < static_cast<size_t>(count); ++i) {
      const float value = static_cast<float>(static_cast<int>(random() % 7) - 3) / divisor;
      const uint16_t narrow = bf16_of(value);
      if (spec.dtype == kF32) std::memcpy(bytes.data() + 4 * i, &value, sizeof value);
      if (spec.dtype == kBF16) std::memcpy(bytes.data() + 2 * i, &narrow, sizeof narrow);
    }
    return bytes;
  }

  // Runs an op on given bytes, each tensor `offset` bytes into its buffer, and gives its outputs.
  std::vector<std::vector<float>> run(const char *name, const std::vector<Spec> &inputs,
                                      const std::vector<Bytes> &values,
                                      const std::vector<Spec> &outputs,
                                      std::vector<Attribute> attributes, uint64_t offset = 0) {
    std::vector<Sizes> strides;
    std::vector<flame_tensor> tensors;
    std::vector<Spec> all = inputs;
    all.insert(all.end(), outputs.begin(), outputs.end());
    for (const Spec &spec : all) strides.push_back(dense_strides(spec.shape));
    for (size_t i = 0; i < all.size(); ++i) {
      const auto rank = static_cast<uint32_t>(all[i].shape.size());
      tensors.push_back(on_device({sizeof(flame_tensor), all[i].dtype, rank, 1, all[i].shape.data(),
                                   strides[i].data(), nullptr, 0, 0},
                                  offset));
      if (i < values.size()) fill(tensors.back(), values[i]);
    }
    std::vector<const flame_tensor *> pointers;
    for (const flame_tensor &tensor : tensors) pointers.push_back(&tensor);
    const flame::AttributeArray list(std::move(attributes));
    const flame_op op = {sizeof op,
                         static_cast<uint32_t>(inputs.size()),
                         static_cast<uint32_t>(outputs.size()),
                         list.size(),
                         flame::borrow(name),
                         pointers.data(),
                         pointers.data() + inputs.size(),
                         list.data()};
    plan(op)->run(call(), pointers.data(), pointers.data() + inputs.size());
    std::vector<std::vector<float>> out;
    for (size_t i = inputs.size(); i < all.size(); ++i)
      out.push_back(floats_of(content(tensors[i]), all[i].dtype));
    drop_memory();
    return out;
  }
};

TEST_F(VendorWays, MultiplyWholeNumbersExactly) {
  for (const auto &[rows, inputs, outputs] : {std::array<int64_t, 3>{1024, 5120, 1280},
                                              {77, 2048, 1280},
                                              {1024, 1280, 16},
                                              {77, 2048, 48},
                                              {1000, 640, 64},
                                              {1000, 16, 1280},
                                              {77, 32, 640},
                                              {1, 3072, 9216}}) {
    for (const flame_dtype result : {kF32, kBF16}) {
      for (const bool transposed : {true, false}) {
        const Spec a = {kBF16, {rows, inputs}};
        const Spec b = {kBF16, transposed ? Sizes{outputs, inputs} : Sizes{inputs, outputs}};
        const std::vector<Bytes> values = {numbers(a, 1, 1), numbers(b, 1, 2)};
        const auto y = run("matmul", {a, b}, values, {{result, {rows, outputs}}},
                           {{"transpose_a", false},
                            {"transpose_b", transposed},
                            {"dtype", result == kF32 ? "f32" : ""}})[0];
        const std::vector<float> left = floats_of(values[0], kBF16);
        const std::vector<float> right = floats_of(values[1], kBF16);
        for (int64_t probe = 0; probe < 200; ++probe) {
          const int64_t i = probe * 7919 % rows;
          const int64_t j = probe * 104729 % outputs;
          float sum = 0;
          for (int64_t k = 0; k < inputs; ++k)
            sum += left[static_cast<size_t>(i * inputs + k)] *
                   right[static_cast<size_t>(transposed ? j * inputs + k : k * outputs + j)];
          const float got = y[static_cast<size_t>(i * outputs + j)];
          // Its 8 bits of precision round a sum by half a unit at most.
          const float allowed = result == kF32 ? 0 : std::abs(sum) / 256;
          ASSERT_LE(std::abs(got - sum), allowed) << i << " " << j << " " << transposed;
        }
      }
    }
  }
}

TEST_F(VendorWays, SumOverManyRowsExactly) {
  for (const auto &[rows, left_columns, right_columns] : {std::array<int64_t, 3>{1024, 1280, 16},
                                                          {77, 16, 2048},
                                                          {4100, 16, 640},
                                                          {16384, 640, 16}}) {
    const Spec a = {kBF16, {rows, left_columns}};
    const Spec b = {kBF16, {rows, right_columns}};
    const std::vector<Bytes> values = {numbers(a, 1, 1), numbers(b, 1, 2)};
    const auto y =
        run("matmul", {a, b}, values, {{kF32, {left_columns, right_columns}}},
            {{"transpose_a", true}, {"transpose_b", false}, {"dtype", std::string("f32")}})[0];
    const std::vector<float> left = floats_of(values[0], kBF16);
    const std::vector<float> right = floats_of(values[1], kBF16);
    for (int64_t probe = 0; probe < 300; ++probe) {
      const int64_t i = probe * 7919 % left_columns;
      const int64_t j = probe * 104729 % right_columns;
      float sum = 0;
      for (int64_t k = 0; k < rows; ++k)
        sum += left[static_cast<size_t>(k * left_columns + i)] *
               right[static_cast<size_t>(k * right_columns + j)];
      ASSERT_EQ(y[static_cast<size_t>(i * right_columns + j)], sum) << rows << " " << i << " " << j;
    }
  }
}

TEST_F(VendorWays, AddAProductOfFewTerms) {
  for (const auto &[rows, terms, columns] :
       {std::array<int64_t, 3>{1000, 16, 1280}, {77, 32, 640}, {4096, 16, 640}}) {
    for (const bool transposed : {true, false}) {
      const Spec a = {kBF16, {rows, terms}};
      const Spec b = {kBF16, transposed ? Sizes{columns, terms} : Sizes{terms, columns}};
      const Spec c = {kBF16, {rows, columns}};
      const std::vector<Bytes> values = {numbers(a, 1, 1), numbers(b, 1, 2), numbers(c, 1, 3)};
      const auto y = run("matmul", {a, b, c}, values, {c},
                         {{"transpose_a", false}, {"transpose_b", transposed}, {"dtype", ""}})[0];
      const std::vector<float> left = floats_of(values[0], kBF16);
      const std::vector<float> right = floats_of(values[1], kBF16);
      const std::vector<float> added = floats_of(values[2], kBF16);
      for (int64_t probe = 0; probe < 300; ++probe) {
        const int64_t i = probe * 7919 % rows;
        const int64_t j = probe * 104729 % columns;
        float sum = added[static_cast<size_t>(i * columns + j)];
        for (int64_t k = 0; k < terms; ++k)
          sum += left[static_cast<size_t>(i * terms + k)] *
                 right[static_cast<size_t>(transposed ? j * terms + k : k * columns + j)];
        // Sums of up to 256 are whole in 8 bits of precision, larger ones are rounded.
        const float allowed = std::abs(sum) <= 256 ? 0 : std::abs(sum) / 256;
        ASSERT_LE(std::abs(y[static_cast<size_t>(i * columns + j)] - sum), allowed)
            << i << " " << j << " " << transposed;
      }
    }
  }
}

// Convolutions two ways: on memory that the quick kernels take, and on memory 2 bytes off, which only
// the kernel of one element per thread takes.
class TwoConvolutions : public VendorWays {
 protected:
  const std::vector<Attribute> window_ = {{"stride", Sizes{1, 1}},
                                          {"padding", Sizes(4, 1)},
                                          {"dilation", Sizes{1, 1}},
                                          {"groups", int64_t{1}}};

  std::vector<Attribute> with(const char *name, const Sizes &value) const {
    std::vector<Attribute> attributes = window_;
    attributes.emplace_back(name, value);
    return attributes;
  }
  void compare(const char *op, const std::vector<Spec> &inputs, const Spec &output,
               const std::vector<Attribute> &attributes) {
    std::vector<Bytes> values;
    for (const Spec &spec : inputs)
      values.push_back(numbers(spec, 4, static_cast<unsigned>(values.size())));
    const auto quick = run(op, inputs, values, {output}, attributes)[0];
    const auto own = run(op, inputs, values, {output}, attributes, 2)[0];
    EXPECT_LT(distance(quick, own), 1e-6) << op;  // both round an exact sum once
  }
};

TEST_F(TwoConvolutions, AgreeAtThePictureEdge) {
  for (const auto &[few, many, side] :
       {std::array<int64_t, 3>{3, 128, 200}, {4, 320, 37}, {1, 32, 65}, {4, 512, 9}}) {
    const Spec narrow = {kBF16, {2, side, side + 3, few}};
    const Spec wide = {kBF16, {2, side, side + 3, many}};
    const Spec widening = {kBF16, {many, 3, 3, few}};
    const Spec narrowing = {kBF16, {few, 3, 3, many}};
    const Sizes size = {side, side + 3};
    compare("conv2d", {narrow, widening, {kBF16, {many}}}, wide, window_);
    compare("conv2d", {wide, narrowing, {kBF16, {few}}}, narrow, window_);
    compare("conv2d_input_grad", {wide, widening}, narrow, with("size", size));
    compare("conv2d_input_grad", {narrow, narrowing}, wide, with("size", size));
  }
}

TEST_F(TwoConvolutions, OfTheLibraryAndOfOurOwnAgree) {
  const Spec x = {kBF16, {1, 32, 32, 320}};
  const Spec weight = {kBF16, {640, 3, 3, 320}};
  const Spec y = {kBF16, {1, 32, 32, 640}};
  compare("conv2d", {x, weight}, y, window_);
  compare("conv2d", {x, weight, {kBF16, {640}}}, y, window_);
  compare("conv2d_input_grad", {y, weight}, x, with("size", {32, 32}));
  compare("conv2d_weight_grad", {x, y}, weight, with("window", {3, 3}));
}

// Memory 4 bytes off goes to products in slices.
TEST_F(VendorWays, AttendOnFewKeysAsSlicesOfProductsDo) {
  struct Case {
    int64_t images, queries, heads, columns, keys;
    bool causal;
  };
  for (const Case &use : {Case{1, 1024, 20, 64, 77, false},
                          {2, 1000, 5, 64, 77, false},
                          {1, 77, 12, 64, 77, true},
                          {3, 130, 3, 40, 128, false},
                          {2, 300, 2, 16, 5, true},
                          {1, 4096, 2, 64, 81, false}}) {
    SCOPED_TRACE(flame::text(use.queries, " queries, ", use.columns, " columns, ", use.keys));
    const Spec q = {kBF16, {use.images, use.queries, use.heads, use.columns}};
    const Spec k = {kBF16, {use.images, use.keys, use.heads, use.columns}};
    const Spec lse = {kF32, {use.images, use.heads, use.queries}};
    std::vector<Bytes> values = {numbers(q, 2, 1), numbers(k, 2, 2), numbers(k, 2, 3)};
    std::vector<Attribute> attributes = {{"scale", 0.125}, {"causal", use.causal}};
    const auto quick = run("attention", {q, k, k}, values, {q, lse}, attributes);
    const auto slices = run("attention", {q, k, k}, values, {q, lse}, attributes, 4);
    EXPECT_LT(distance(quick[0], slices[0]), 5e-3);
    EXPECT_LT(distance(quick[1], slices[1]), 1e-5);

    attributes.emplace_back("mask_gradient", false);
    Bytes y(slices[0].size() * 2), logarithms(slices[1].size() * 4);
    for (size_t i = 0; i < slices[0].size(); ++i) {
      const uint16_t narrow = bf16_of(slices[0][i]);
      std::memcpy(y.data() + 2 * i, &narrow, sizeof narrow);
    }
    std::memcpy(logarithms.data(), slices[1].data(), logarithms.size());
    values = {numbers(q, 2, 9), values[0], values[1], values[2], y, logarithms};
    const std::vector<Spec> inputs = {q, q, k, k, q, lse};
    const auto by_keys = run("attention_grad", inputs, values, {q, k, k}, attributes);
    const auto by_slices = run("attention_grad", inputs, values, {q, k, k}, attributes, 4);
    const auto again = run("attention_grad", inputs, values, {q, k, k}, attributes);
    for (size_t i = 0; i < 3; ++i) {
      EXPECT_LT(distance(by_keys[i], by_slices[i]), 1e-2) << i;
      EXPECT_EQ(by_keys[i], again[i]) << i;
    }
  }
}

TEST_F(VendorWays, AttendAsSlicesOfProductsDo) {
  // 4000 queries are more than one slice, and the last is not whole.
  const Spec q = {kBF16, {1, 4000, 8, 64}};
  const Spec lse = {kF32, {1, 8, 4000}};
  const Spec mask = {kF32, {4000, 4000}};
  const Bytes nothing(size_t{4000} * 4000 * 4, 0);
  std::vector<Bytes> values;
  for (unsigned seed = 0; seed < 3; ++seed) values.push_back(numbers(q, 2, seed));
  for (const bool causal : {false, true}) {
    std::vector<Attribute> attributes = {{"scale", 0.125}, {"causal", causal}};
    const auto library = run("attention", {q, q, q}, values, {q, lse}, attributes);
    std::vector<Bytes> masked = values;
    masked.push_back(nothing);
    const auto slices = run("attention", {q, q, q, mask}, masked, {q, lse}, attributes);
    EXPECT_LT(distance(library[0], slices[0]), 1e-2);
    EXPECT_LT(distance(library[1], slices[1]), 1e-5);

    attributes.emplace_back("mask_gradient", false);
    std::vector<Bytes> of_gradient = {numbers(q, 2, 9), values[0], values[1], values[2]};
    Bytes y(slices[0].size() * 2);
    for (size_t i = 0; i < slices[0].size(); ++i) {
      const uint16_t narrow = bf16_of(slices[0][i]);
      std::memcpy(y.data() + 2 * i, &narrow, sizeof narrow);
    }
    of_gradient.push_back(y);
    of_gradient.emplace_back(reinterpret_cast<const char *>(slices[1].data()),
                             reinterpret_cast<const char *>(slices[1].data() + slices[1].size()));
    const auto by_library =
        run("attention_grad", {q, q, q, q, q, lse}, of_gradient, {q, q, q}, attributes);
    of_gradient.push_back(nothing);
    const auto by_slices =
        run("attention_grad", {q, q, q, q, q, lse, mask}, of_gradient, {q, q, q}, attributes);
    for (size_t i = 0; i < 3; ++i) EXPECT_LT(distance(by_library[i], by_slices[i]), 2e-2) << i;
  }
}

}  // namespace
}  // namespace flame::cuda
