// Models written in a layout, and random weights.
#include "core/io/weight_writer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "core/tensor/numbers.h"
#include "tests/support/fake_model.h"
#include "tests/support/safetensors_files.h"

namespace flame {
namespace {

using test::TemporaryFolder;
using testing::HasSubstr;

// Each element says which parameter it is of, and where.
Result<HostTensor> counted(size_t, const WantedParameter &parameter, DType dtype) {
  std::vector<double> numbers(static_cast<size_t>(parameter.type.shape.element_count()));
  for (size_t i = 0; i < numbers.size(); ++i)
    numbers[i] = static_cast<double>(parameter.name.size() * 1000 + i);
  return tensor_of({dtype, parameter.type.shape}, numbers);
}

struct Model {
  Result<PluginModel> model = test::fake_model(4);
  std::vector<WantedParameter> wanted = *parameters_of(*model);
};

TEST(WeightWriter, WhatIsWrittenInAnyLayoutIsReadBackAsItWas) {
  const TemporaryFolder folder;
  const Model m;
  for (size_t layout = 0; layout < 2; ++layout) {
    const ModelToWrite entry{&*m.model, m.wanted, layout};
    uint64_t last = 0, all = 0;
    const auto progress = [&](uint64_t done, uint64_t total) {
      EXPECT_GT(done, last);
      last = done;
      all = total;
    };
    ASSERT_TRUE(write_weights(folder / "a", {&entry, 1}, DType::kF32, {}, counted, progress).ok());
    EXPECT_EQ(last, all);
    const auto sets = open_weights(folder / "a");
    ASSERT_TRUE(sets.ok());
    const auto match = match_weights(*m.model, m.wanted, sets->front());
    ASSERT_TRUE(match.ok());
    EXPECT_FALSE(mismatch_error(*match, sets->front(), true));
    EXPECT_EQ(match->layout->name, m.model->layouts()[layout].name);
    for (const PlacedWeight &weight : match->placed) {
      const auto expected = counted(0, {weight.parameter, weight.type}, DType::kF32);
      EXPECT_EQ(read_weight(weight, DType::kF32)->bytes, expected->bytes) << weight.parameter;
    }
  }
}

TEST(WeightWriter, TwoModelsUnderOneNameAreRefused) {
  const TemporaryFolder folder;
  const Model m;
  const ModelToWrite entries[] = {{&*m.model, m.wanted, 0}, {&*m.model, m.wanted, 0}};
  const Status status = write_weights(folder / "a", entries, DType::kF32, {}, counted);
  ASSERT_FALSE(status.ok());
  EXPECT_THAT(status.error().what, HasSubstr("both be written"));
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

TEST(WeightWriter, ALayoutThatDoesNotCoverATensorIsThePluginsFault) {
  const TemporaryFolder folder;
  Model m;
  std::erase_if(m.wanted, [](const WantedParameter &p) { return p.name == "attn.q.weight"; });
  const ModelToWrite entry{&*m.model, m.wanted, 1};
  const Status status = write_weights(folder / "a", {&entry, 1}, DType::kF32, {}, counted);
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().kind, ErrorKind::kBadPlugin);
  EXPECT_THAT(status.error().what, HasSubstr("qk.weight"));
}

TEST(WeightWriter, AnErrorOfAParameterLeavesNothingBehind) {
  const TemporaryFolder folder;
  const Model m;
  const ModelToWrite entry{&*m.model, m.wanted, 0};
  const auto fails = [](size_t, const WantedParameter &, DType) -> Result<HostTensor> {
    return storage_error("gone");
  };
  EXPECT_FALSE(write_weights(folder / "a", {&entry, 1}, DType::kF32, {}, fails).ok());
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

TEST(RandomWeight, HasTheSizeThatKeepsProductsTheirs) {
  const WantedParameter matrix{"a.weight", {DType::kF32, {64, 3, 3, 32}}};
  const std::vector<double> numbers = numbers_of(random_weight("m", matrix, 1, DType::kF32));
  double sum = 0, squares = 0;
  for (const double number : numbers) {
    sum += number;
    squares += number * number;
  }
  const auto count = static_cast<double>(numbers.size());
  EXPECT_NEAR(sum / count, 0, 1e-3);
  EXPECT_NEAR(std::sqrt(squares / count * 288), 1, 0.02);
}

TEST(RandomWeight, DependsOnSeedModelAndNameAlone) {
  const WantedParameter a{"a.weight", {DType::kF32, {2, 8}}};
  const WantedParameter b{"b.weight", {DType::kF32, {2, 8}}};
  const auto bytes = [](std::string_view model, const WantedParameter &parameter, uint64_t seed) {
    return random_weight(model, parameter, seed, DType::kF32).bytes;
  };
  EXPECT_EQ(bytes("m", a, 1), bytes("m", a, 1));
  EXPECT_NE(bytes("m", a, 1), bytes("m", a, 2));
  EXPECT_NE(bytes("m", a, 1), bytes("m", b, 1));
  EXPECT_NE(bytes("m", a, 1), bytes("n", a, 1));
}

TEST(RandomWeight, LargeTensorsAreTheSameWhateverThreadsMakeThem) {
  // More than one piece; the first rows are those of a smaller tensor with the same fan-in.
  const WantedParameter large{"a.weight", {DType::kF32, {3000, 1024}}};
  const WantedParameter small{"a.weight", {DType::kF32, {10, 1024}}};
  const auto all = random_weight("m", large, 5, DType::kF32).bytes;
  const auto some = random_weight("m", small, 5, DType::kF32).bytes;
  EXPECT_TRUE(std::equal(some.begin(), some.end(), all.begin()));
  EXPECT_EQ(all, random_weight("m", large, 5, DType::kF32).bytes);
}

TEST(RandomWeight, VectorsAreOnesAndBiasesZeros) {
  const WantedParameter norm{"norm.weight", {DType::kF32, {3}}};
  const WantedParameter bias{"norm.bias", {DType::kF32, {3}}};
  EXPECT_THAT(numbers_of(random_weight("m", norm, 1, DType::kF16)), testing::Each(1.0));
  EXPECT_THAT(numbers_of(random_weight("m", bias, 1, DType::kF16)), testing::Each(0.0));
}

}  // namespace
}  // namespace flame
