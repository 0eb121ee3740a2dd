// Answers of ops against formulas written here once more, on the reference kernels: what the
// gradient tests, which only compare an op with itself, cannot see.
#include <gmock/gmock.h>

#include <cmath>
#include <random>

#include "core/ops/catalogue/terms.h"
#include "core/program/program_builder.h"
#include "flame/small_floats.hpp"
#include "tests/support/evaluate.h"

namespace flame {
namespace {

using testing::DoubleNear;
using testing::ElementsAre;
using testing::ElementsAreArray;
using testing::Pointwise;
using testing_support::evaluate;
using testing_support::numbers_of;
using testing_support::tensor_of;
using Ints = std::vector<int64_t>;
using Numbers = std::vector<double>;

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

struct Data {
  TensorType type;
  Numbers numbers;
};
Data f64(Shape shape, Numbers numbers) {
  return {{DType::kF64, shape}, std::move(numbers)};
}
Data random_f64(Shape shape, int seed) {
  std::mt19937_64 random(static_cast<uint64_t>(seed));
  Numbers numbers(static_cast<size_t>(shape.element_count()));
  for (double &number : numbers) number = std::normal_distribution<double>()(random);
  return f64(shape, numbers);
}

// All outputs of one op.
std::vector<Numbers> outputs_of(std::string_view op, const std::vector<Data> &inputs,
                                Attributes attributes = {}) {
  ProgramBuilder builder;
  TensorMap data;
  std::vector<ValueId> ids;
  for (const Data &input : inputs) {
    const std::string name = "x" + std::to_string(ids.size());
    ids.push_back(builder.input(name, input.type));
    data[name] = tensor_of(input.type, input.numbers);
  }
  const auto made = builder.add(op, ids, std::move(attributes));
  for (size_t i = 0; i < made.size() && builder.status().ok(); ++i)
    builder.output(std::to_string(i), made[i]);
  Result<Program> program = builder.finish();
  EXPECT_TRUE(program.ok()) << program.error().text();
  const auto answers = evaluate(*program, data);
  EXPECT_TRUE(answers.ok()) << answers.error().text();
  std::vector<Numbers> result;
  for (size_t i = 0; i < made.size(); ++i)
    result.push_back(numbers_of(answers->at(std::to_string(i))));
  return result;
}
Numbers answer(std::string_view op, const std::vector<Data> &inputs, Attributes attributes = {}) {
  return outputs_of(op, inputs, std::move(attributes)).at(0);
}
auto Near(double tolerance, const Numbers &numbers) {
  return Pointwise(testing::DoubleNear(tolerance), numbers);
}

Numbers map_of(std::string code, std::vector<Data> inputs) {
  return answer("map", inputs, {{"code", std::move(code)}});
}

TEST(MapAnswers, FollowTheRulesForNaNAndEqualNumbers) {
  const Data x = f64({4}, {kNaN, 1, -0.0, 2});
  const Data y = f64({4}, {1, kNaN, 0.0, 3});
  for (const char *op : {"max x0 x1", "min x0 x1"}) {
    const Numbers made = map_of(op, {x, y});
    EXPECT_TRUE(std::isnan(made[0]) && std::isnan(made[1]));
    EXPECT_TRUE(std::signbit(made[2])) << "the first of equal numbers";
  }
  EXPECT_TRUE(std::isnan(map_of("clamp x0 0.0 1.0", {x})[0]));
  EXPECT_TRUE(std::isnan(map_of("sign x0", {x})[0]));
  EXPECT_TRUE(std::isnan(map_of("relu x0", {x})[0]));
  EXPECT_TRUE(std::isnan(map_of("softplus x0", {x})[0]));
  EXPECT_THAT(map_of("eq x0 x0", {x}), ElementsAre(0, 1, 1, 1));
  EXPECT_THAT(map_of("ne x0 x0", {x}), ElementsAre(1, 0, 0, 0));
  EXPECT_THAT(map_of("where x0 1.0 2.0", {x}), ElementsAre(1, 1, 2, 1));
}

TEST(MapAnswers, RoundHalvesToEvenAndDivideDownwards) {
  EXPECT_THAT(map_of("round x0", {f64({5}, {0.5, 1.5, 2.5, -0.5, -1.5})}),
              ElementsAre(0, 2, 2, 0, -2));
  const Data a = {{DType::kI64, {5}}, {7, -7, 7, -7, 5}};
  const Data b = {{DType::kI64, {5}}, {2, 2, -2, -2, 0}};
  EXPECT_THAT(map_of("floor_div x0 x1", {a, b}), ElementsAre(3, -4, -4, 3, 0));
  EXPECT_THAT(map_of("mod x0 x1", {a, b}), ElementsAre(1, 1, -1, -1, 0));
  EXPECT_THAT(map_of("mod x0 x1", {f64({4}, {7, -7, 7, -7}), f64({4}, {2, 2, -2, -2})}),
              ElementsAre(1, 1, -1, -1));
  EXPECT_THAT(map_of("div x0 2", {a}), ElementsAre(3.5, -3.5, 3.5, -3.5, 2.5));
}

TEST(MapAnswers, StoreWithTheRulesOfTheType) {
  const auto stored = [](const char *dtype, Numbers numbers) {
    const Shape shape{static_cast<int64_t>(numbers.size())};
    return answer("copy", {f64(shape, numbers)}, {{"dtype", dtype}});
  };
  EXPECT_THAT(stored("u8", {-1, 1.9, 300, kNaN}), ElementsAre(0, 1, 255, 0));
  EXPECT_THAT(stored("i64", {-1.9, 1e30}), ElementsAre(-1, 0x1p63));
  EXPECT_THAT(stored("bool", {0, -0.0, 0.1, kNaN}), ElementsAre(0, 0, 1, 1));
  EXPECT_THAT(stored("bf16", {1.00390625, 1.01171875, 3.4e38, kInfinity}),
              ElementsAre(1, 1.015625, kInfinity, kInfinity));
  EXPECT_THAT(stored("f16", {65519, 65520, 0x1p-25, 0x1.8p-25}),
              ElementsAre(65504, kInfinity, 0, 0x1p-24));
  EXPECT_THAT(stored("f8_e4m3", {448, 460, 1e9, -kInfinity, 0x1p-10, 0x1.8p-10}),
              ElementsAre(448, 448, 448, -448, 0, 0x1p-9));
  EXPECT_THAT(stored("f8_e5m2", {57344, 1e9, 0x1p-17}), ElementsAre(57344, 57344, 0));
  EXPECT_THAT(answer("copy", {{{DType::kI32, {2}}, {300, -1}}}, {{"dtype", "u8"}}),
              ElementsAre(44, 255));
}

TEST(SmallFloats, EveryNumberReadsBackAsItself) {
  for (const FloatFormat &format : {kFormatF16, kFormatBF16, kFormatF8E4M3, kFormatF8E5M2}) {
    for (uint32_t bits = 0; bits < (2u << format.sign_shift()); ++bits) {
      const double value = decode_float(format, bits);
      if (std::isnan(value) || (std::isinf(value) && format.saturates)) continue;
      ASSERT_EQ(encode_float(format, value), bits);
    }
  }
}

TEST(ReduceAnswers, OverNothingAndWithNaN) {
  const auto reduced = [](const char *kind, const Data &x) {
    return answer("reduce", {x}, {{"kind", kind}, {"axes", Ints{1}}});
  };
  const Data none = f64({1, 0}, {});
  EXPECT_THAT(reduced("sum", none), ElementsAre(0));
  EXPECT_THAT(reduced("prod", none), ElementsAre(1));
  EXPECT_THAT(reduced("max", none), ElementsAre(-kInfinity));
  EXPECT_TRUE(std::isnan(reduced("mean", none)[0]));
  EXPECT_TRUE(std::isnan(reduced("max", f64({1, 3}, {1, kNaN, 2}))[0]));
}

TEST(ChoiceAnswers, TakeTheFirstOfEqualsAndNaNAsLargest) {
  const Data x = f64({6}, {3, 1, 3, kNaN, 1, kNaN});
  const Attributes axis{{"axis", int64_t{0}}};
  EXPECT_THAT(outputs_of("sort", {x}, axis)[1], ElementsAre(1, 4, 0, 2, 3, 5));
  Attributes falling = axis;
  falling.set("descending", true);
  EXPECT_THAT(outputs_of("sort", {x}, falling)[1], ElementsAre(3, 5, 0, 2, 1, 4));
  EXPECT_THAT(answer("argreduce", {x}, {{"kind", "max"}, {"axis", int64_t{0}}}), ElementsAre(3));
  EXPECT_THAT(
      answer("argreduce", {f64({4}, {2, 1, 2, 1})}, {{"kind", "min"}, {"axis", int64_t{0}}}),
      ElementsAre(1));
}

TEST(ChoiceAnswers, LeaveOutIndicesOutside) {
  const Data indices{{DType::kI64, {4}}, {1, -1, 2, 0}};
  EXPECT_THAT(answer("gather", {f64({2}, {5, 6}), indices}), ElementsAre(6, 0, 0, 5));
  EXPECT_THAT(answer("scatter_add", {f64({2}, {5, 6}), indices, f64({4}, {1, 2, 3, 4})}),
              ElementsAre(9, 7));
  EXPECT_THAT(
      answer("take_along", {f64({2, 2}, {5, 6, 7, 8}), {{DType::kI64, {2, 2}}, {1, 2, -1, 0}}},
             {{"axis", int64_t{1}}}),
      ElementsAre(6, 0, 0, 7));
}

TEST(PoolAnswers, TiesGoToTheFirstPlaceOfTheWindow) {
  const Data x = f64({1, 2, 3, 1}, {4, 4, 1, 4, 2, 1});
  const Attributes attributes{{"kind", "max"}, {"window", Ints{2, 2}}, {"stride", Ints{1, 1}}};
  EXPECT_THAT(answer("pool2d", {x}, attributes), ElementsAre(4, 4));
  Attributes backward = attributes;
  backward.set("size", Ints{2, 3});
  EXPECT_THAT(answer("pool2d_grad", {f64({1, 1, 2, 1}, {10, 1}), x}, backward),
              ElementsAre(10, 1, 0, 0, 0, 0));
}

TEST(PoolAnswers, AveragesCountPaddingOnlyIfAsked) {
  const Data x = f64({1, 2, 2, 1}, {1, 2, 3, 4});
  Attributes attributes{{"kind", "average"}, {"window", Ints{2, 2}}, {"padding", Ints{1, 0, 1, 0}}};
  EXPECT_THAT(answer("pool2d", {x}, attributes), ElementsAre(1));
  attributes.set("count_include_pad", true);
  EXPECT_THAT(answer("pool2d", {x}, attributes), ElementsAre(0.25));
  EXPECT_THAT(answer("pool2d", {f64({1, 1, 5, 1}, {1, 2, 3, 4, 5})},
                     {{"kind", "average"}, {"output_size", Ints{1, 3}}}),
              ElementsAre(1.5, 3, 4.5));
}

TEST(ConvolutionAnswers, EqualTheSumOfTheFormula) {
  const Data x = random_f64({2, 5, 6, 4}, 1);
  const Data w = random_f64({6, 3, 2, 2}, 2);
  const Data bias = random_f64({6}, 3);
  const Numbers y = answer("conv2d", {x, w, bias},
                           {{"stride", Ints{2, 1}},
                            {"padding", Ints{1, 0, 0, 2}},
                            {"dilation", Ints{1, 2}},
                            {"groups", int64_t{2}}});
  // h' = (5 + 1 - 3) / 2 + 1 = 2, w' = (6 + 2 - 3) / 1 + 1 = 6
  ASSERT_EQ(y.size(), 2u * 2 * 6 * 6);
  size_t place = 0;
  for (int n = 0; n < 2; ++n) {
    for (int i = 0; i < 2; ++i) {
      for (int j = 0; j < 6; ++j) {
        for (int o = 0; o < 6; ++o) {
          double sum = bias.numbers[static_cast<size_t>(o)];
          for (int r = 0; r < 3; ++r) {
            for (int s = 0; s < 2; ++s) {
              for (int c = 0; c < 2; ++c) {
                const int row = 2 * i - 1 + r;
                const int column = j + 2 * s;
                if (row < 0 || row >= 5 || column >= 6) continue;
                sum += x.numbers[static_cast<size_t>(((n * 5 + row) * 6 + column) * 4 + o / 3 * 2 +
                                                     c)] *
                       w.numbers[static_cast<size_t>(((o * 3 + r) * 2 + s) * 2 + c)];
              }
            }
          }
          EXPECT_NEAR(y[place++], sum, 1e-12);
        }
      }
    }
  }
}

TEST(ConvolutionAnswers, TransposedSpreadsEachPixel) {
  EXPECT_THAT(answer("conv_transpose2d", {f64({1, 1, 2, 1}, {1, 10}), f64({1, 1, 3, 1}, {1, 2, 3})},
                     {{"stride", Ints{1, 2}}}),
              ElementsAre(1, 2, 13, 20, 30));
}

TEST(ResizeAnswers, FollowTheFormulas) {
  const Data x = f64({1, 1, 3, 1}, {0, 30, 60});
  const auto resized = [&](const char *kind, int64_t width, bool align) {
    return answer("resize", {x},
                  {{"kind", kind}, {"size", Ints{1, width}}, {"align_corners", align}});
  };
  EXPECT_THAT(resized("nearest", 6, false), ElementsAre(0, 0, 30, 30, 60, 60));
  EXPECT_THAT(resized("nearest", 5, false), ElementsAre(0, 0, 30, 30, 60));
  EXPECT_THAT(resized("nearest", 2, false), ElementsAre(0, 30));
  EXPECT_THAT(resized("bilinear", 6, false), Near(1e-12, {0, 7.5, 22.5, 37.5, 52.5, 60}));
  EXPECT_THAT(resized("bilinear", 5, true), Near(1e-12, {0, 15, 30, 45, 60}));
  EXPECT_THAT(resized("bilinear", 1, true), Near(1e-12, {0}));
  EXPECT_THAT(resized("bilinear", 2, false), Near(1e-12, {7.5, 52.5}));
}

TEST(RopeAnswers, TurnPairs) {
  const Data x = f64({4}, {1, 2, 3, 4});
  const Data cosine = f64({2}, {0, 1});
  const Data sine = f64({2}, {1, 0});
  EXPECT_THAT(answer("rope", {x, cosine, sine}, {{"pairing", "adjacent"}}),
              ElementsAre(-2, 1, 3, 4));
  EXPECT_THAT(answer("rope", {x, cosine, sine}, {{"pairing", "halves"}}), ElementsAre(-3, 2, 1, 4));
  EXPECT_THAT(answer("rope", {x, cosine, sine}, {{"pairing", "adjacent"}, {"inverse", true}}),
              ElementsAre(2, -1, 3, 4));
}

TEST(NormAnswers, UseTheBiasedVarianceAndEps) {
  const Data x = f64({1, 4}, {1, 2, 3, 6});
  const double rstd = 1 / std::sqrt(3.5 + 0.5);
  const auto made =
      outputs_of("layer_norm", {x, f64({4}, {1, 1, 2, 1}), f64({4}, {0, 0, 0, 5})}, {{"eps", 0.5}});
  EXPECT_THAT(made[0], Near(1e-12, {-2 * rstd, -rstd, 0, 3 * rstd + 5}));
  EXPECT_THAT(made[1], Near(1e-12, {3}));
  EXPECT_THAT(made[2], Near(1e-12, {rstd}));
  EXPECT_THAT(
      answer("rms_norm", {x}, {{"eps", 0.5}}),
      Near(1e-12, {1 / std::sqrt(13), 2 / std::sqrt(13), 3 / std::sqrt(13), 6 / std::sqrt(13)}));
  // Channels 0, 1 form a group, 2, 3 the other.
  EXPECT_THAT(
      answer("group_norm", {f64({1, 2, 4}, {1, 3, 0, 0, 5, 7, 0, 4})},
             {{"groups", int64_t{2}}, {"eps", 0.0}}),
      Near(1e-12, {-3 / std::sqrt(5), -1 / std::sqrt(5), -1 / std::sqrt(3), -1 / std::sqrt(3),
                   1 / std::sqrt(5), 3 / std::sqrt(5), -1 / std::sqrt(3), 3 / std::sqrt(3)}));
}

TEST(AttentionAnswers, EqualTheSoftmaxOfTheFormula) {
  const Data q = random_f64({1, 3, 2, 4}, 4);
  const Data k = random_f64({1, 3, 2, 4}, 5);
  const Data v = random_f64({1, 3, 2, 2}, 6);
  const auto made = outputs_of("attention", {q, k, v}, {{"scale", 0.5}, {"causal", true}});
  for (size_t h = 0; h < 2; ++h) {
    for (size_t i = 0; i < 3; ++i) {
      double total = 0;
      Numbers y(2, 0.0);
      for (size_t j = 0; j <= i; ++j) {
        double score = 0;
        for (size_t d = 0; d < 4; ++d)
          score += 0.5 * q.numbers[(i * 2 + h) * 4 + d] * k.numbers[(j * 2 + h) * 4 + d];
        total += std::exp(score);
        for (size_t e = 0; e < 2; ++e) y[e] += std::exp(score) * v.numbers[(j * 2 + h) * 2 + e];
      }
      for (size_t e = 0; e < 2; ++e) EXPECT_NEAR(made[0][(i * 2 + h) * 2 + e], y[e] / total, 1e-12);
      EXPECT_NEAR(made[1][h * 3 + i], std::log(total), 1e-12);
    }
  }
}

TEST(AttentionAnswers, ARowWithoutKeysIsZero) {
  const Data q = random_f64({1, 2, 1, 3}, 7);
  const Data mask{{DType::kBool, {2, 2}}, {0, 0, 1, 0}};
  const auto made = outputs_of("attention", {q, q, q, mask}, {{"scale", 1.0}});
  EXPECT_THAT(Numbers(made[0].begin(), made[0].begin() + 3), ElementsAre(0, 0, 0));
  EXPECT_THAT(Numbers(made[0].begin() + 3, made[0].end()),
              Near(1e-12, Numbers(q.numbers.begin(), q.numbers.begin() + 3)));
  EXPECT_EQ(made[1][0], -kInfinity);
}

TEST(LossAnswers, AreThoseOfTheFormulas) {
  const Data x = f64({3}, {1, 2, 5});
  const Data target = f64({3}, {0.5, 2, 1});
  EXPECT_THAT(answer("mse", {x, target}), Near(1e-12, {16.25 / 3}));
  EXPECT_THAT(answer("huber", {x, target}, {{"delta", 2.0}, {"reduction", "none"}}),
              Near(1e-12, {0.125, 0, 6}));
  EXPECT_THAT(answer("cross_entropy", {f64({1, 2}, {0, std::log(3)}), {{DType::kI64, {1}}, {1}}}),
              Near(1e-12, {-std::log(0.75)}));
  EXPECT_THAT(answer("var", {x}, {{"axes", Ints{0}}, {"correction", int64_t{1}}}),
              Near(1e-12, {13.0 / 3}));
  EXPECT_THAT(answer("cumsum", {x}, {{"axis", int64_t{0}}, {"exclusive", true}, {"reverse", true}}),
              ElementsAre(7, 5, 0));
}

TEST(Answers, InNarrowTypesAreComputedInF32) {
  // 2^11 + 1 ones: in f16 a running sum would stop at 2^11.
  const Data ones{{DType::kF16, {2049}}, Numbers(2049, 1)};
  EXPECT_THAT(answer("reduce", {ones}, {{"kind", "sum"}, {"axes", Ints{0}}, {"dtype", "f32"}}),
              ElementsAre(2049));
  const Data x{{DType::kBF16, {1, 3}}, {1, 2, 4}};
  const Numbers made = answer("layer_norm", {x});
  EXPECT_THAT(made, Near(0.01, {-1.0690, -0.2673, 1.3363}));
}

}  // namespace
}  // namespace flame
