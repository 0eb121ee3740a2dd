// Random numbers: Philox against the published vectors, and what is made of its words.
#include <gmock/gmock.h>

#include <cmath>
#include <numeric>

#include "core/ops/catalogue/terms.h"
#include "core/program/program_builder.h"
#include "flame/philox.hpp"
#include "tests/support/evaluate.h"

namespace flame {
namespace {

using testing::ElementsAre;
using testing_support::evaluate;
using testing_support::numbers_of;
using testing_support::tensor_of;

TEST(Philox, MatchesThePublishedVectors) {
  EXPECT_THAT(philox({0, 0, 0, 0}, {0, 0}),
              ElementsAre(0x6627e8d5u, 0xe169c58du, 0xbc57ac4cu, 0x9b00dbd8u));
  EXPECT_THAT(philox({~0u, ~0u, ~0u, ~0u}, {~0u, ~0u}),
              ElementsAre(0x408f276du, 0x41c83b0eu, 0xa20bc7c6u, 0x6d5451fdu));
  EXPECT_THAT(
      philox({0x243f6a88u, 0x85a308d3u, 0x13198a2eu, 0x03707344u}, {0xa4093822u, 0x299f31d0u}),
      ElementsAre(0xd16cfe09u, 0x94fdccebu, 0x5001e420u, 0x24126ea1u));
}

TEST(Philox, LogarithmAndCircleAreThoseOfTheLibrary) {
  for (uint32_t n = 1; n < (1u << 24); n += 9973) {
    EXPECT_NEAR(log_of_fraction(n), std::log(n * 0x1p-24),
                4e-16 * std::fabs(std::log(n * 0x1p-24)) + 1e-300);
    const auto [cosine, sine] = cos_sin_of_turn(n);
    const double angle = 2 * 3.14159265358979323846 * n * 0x1p-24;
    EXPECT_NEAR(cosine, std::cos(angle), 1e-15);
    EXPECT_NEAR(sine, std::sin(angle), 1e-15);
  }
  EXPECT_EQ(log_of_fraction(1u << 24), 0);
  EXPECT_THAT(cos_sin_of_turn(0), ElementsAre(1, 0));
  EXPECT_THAT(cos_sin_of_turn(1u << 22), ElementsAre(0, 1));
}

std::vector<double> draw(std::string kind, Shape shape, double seed, double counter, int64_t stream,
                         std::string dtype = "") {
  const TensorType scalar{DType::kI64, {}};
  ProgramBuilder builder;
  const Term s = builder.term(builder.input("seed", scalar));
  const Term c = builder.term(builder.input("counter", scalar));
  const Term y = apply_one("random", {s, c},
                           {{"kind", std::move(kind)},
                            {"shape", sizes_of(shape)},
                            {"stream", stream},
                            {"dtype", std::move(dtype)}});
  builder.output("y", y.id());
  const auto answers = evaluate(*builder.finish(), {{"seed", tensor_of(scalar, {seed})},
                                                    {"counter", tensor_of(scalar, {counter})}});
  return numbers_of(answers->at("y"));
}

TEST(Random, MapsElementsToWordsAsTheCatalogueSays) {
  const std::vector<double> bits = draw("bits", {2, 3}, 0x1234567890, 7, 3);
  const PhiloxWords first = philox({0, 0, 7, 3}, {0x34567890u, 0x12u});
  const PhiloxWords second = philox({1, 0, 7, 3}, {0x34567890u, 0x12u});
  EXPECT_THAT(bits, ElementsAre(first[0], first[1], first[2], first[3], second[0], second[1]));
  EXPECT_EQ(draw("uniform", {6}, 0x1234567890, 7, 3)[4], (second[0] >> 8) * 0x1p-24);
  const double radius = std::sqrt(-2 * std::log(((first[2] >> 8) + 1) * 0x1p-24));
  EXPECT_NEAR(draw("normal", {6}, 0x1234567890, 7, 3, "f64")[3],
              radius * std::sin(2 * 3.14159265358979323846 * (first[3] >> 8) * 0x1p-24), 1e-14);
}

TEST(Random, GivesTheSameNumbersInEveryType) {
  const std::vector<double> wide = draw("normal", {64}, 1, 2, 0, "f64");
  const std::vector<double> narrow = draw("normal", {64}, 1, 2, 0, "f32");
  for (size_t i = 0; i < wide.size(); ++i)
    EXPECT_EQ(static_cast<float>(wide[i]), static_cast<float>(narrow[i]));
  EXPECT_EQ(draw("uniform", {64}, 1, 2, 0, "f64"), draw("uniform", {64}, 1, 2, 0, "f32"));
}

TEST(Random, SeedCounterAndStreamEachChangeTheNumbers) {
  const std::vector<double> base = draw("uniform", {8}, 1, 1, 1);
  EXPECT_EQ(draw("uniform", {8}, 1, 1, 1), base);
  EXPECT_NE(draw("uniform", {8}, 2, 1, 1), base);
  EXPECT_NE(draw("uniform", {8}, 1, 2, 1), base);
  EXPECT_NE(draw("uniform", {8}, 1, 1, 2), base);
}

TEST(Random, NormalNumbersHaveMeanZeroAndVarianceOne) {
  const std::vector<double> numbers = draw("normal", {20000}, 5, 0, 0);
  const double mean = std::accumulate(numbers.begin(), numbers.end(), 0.0) / 20000;
  double variance = 0;
  for (const double number : numbers) variance += (number - mean) * (number - mean) / 20000;
  EXPECT_NEAR(mean, 0, 0.03);
  EXPECT_NEAR(variance, 1, 0.03);
}

}  // namespace
}  // namespace flame
