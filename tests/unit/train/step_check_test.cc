// What a training step on two backends may differ by, and where its adapters start.
#include "core/train/step_check.h"

#include <gmock/gmock.h>

#include "core/ops/catalogue/terms.h"
#include "core/program/program_builder.h"
#include "core/tensor/numbers.h"

namespace flame {
namespace {

using conformance::Tier;
using testing::Each;
using testing::Ne;

TEST(StepDepth, CountsProductsOnTheLongestWay) {
  ProgramBuilder builder;
  const Term x = builder.term(builder.input("x", {DType::kF32, {4, 4}}));
  const Term twice = matmul(matmul(x, x), x);
  builder.output("y", (twice + matmul(x, x)).id());
  builder.output("z", map("exp x0", {x}).id());
  EXPECT_EQ(depth_of(*builder.finish()), 2u);
}

TEST(StepTier, DeepModelsMayBeOffByTwiceAsMuchInF32Alone) {
  EXPECT_EQ(step_tier(DType::kF32, false, 100).each.norm_relative, 1e-5);
  EXPECT_EQ(step_tier(DType::kF32, false, 5000).each.norm_relative, 2e-5);
  EXPECT_EQ(step_tier(DType::kF32, true, 5000).name, "tf32");
  EXPECT_EQ(step_tier(DType::kBF16, false, 100).each.norm_relative,
            step_tier(DType::kBF16, false, 5000).each.norm_relative);
}

TEST(StepTier, OfANarrowTypeIsTwiceWhatRoundingDoesAndNeverTighterThanTheTable) {
  const Tier table = step_tier(DType::kBF16, false, 100);
  StepCheck noise;
  noise.gradients.outputs.resize(2);
  EXPECT_EQ(widened_tier(table, noise).each.norm_relative, table.each.norm_relative);
  EXPECT_EQ(widened_tier(table, noise).joined_ratio, table.joined_ratio);
  noise.gradients.outputs[1].difference.norm_relative = 0.1;
  noise.gradients.joined_error = 0.03;
  noise.gradients.median_error = 0.04;
  const Tier wide = widened_tier(table, noise);
  EXPECT_DOUBLE_EQ(wide.each.norm_relative, 0.2);
  EXPECT_EQ(wide.each.norm_ratio, table.each.norm_ratio);
  EXPECT_DOUBLE_EQ(wide.middle, 0.08);
  // A factor of 1 % in all gradients is still seen.
  EXPECT_LT(wide.joined_ratio, 1e-2);
}

TEST(StepStart, WhatStartsAsOneNumberIsMovedAndTheRestStays) {
  TrainPlan plan;
  const TensorType type{DType::kF32, {3, 4}};
  plan.trained = {{"up", 0, true, {Initial::Kind::kConstant, 0}},
                  {"down", 0, true, {Initial::Kind::kUniform, 1}}};
  const TensorMap start = {{"up", tensor_of(type, std::vector<double>(12, 0.0))},
                           {"down", tensor_of(type, std::vector<double>(12, 0.25))}};
  const TensorMap moved = moved_start(plan, start, 1, DType::kF32);
  EXPECT_THAT(numbers_of(moved.at("up")), Each(Ne(0)));
  EXPECT_EQ(moved.at("down").bytes, start.at("down").bytes);
  EXPECT_EQ(moved.at("up").bytes, moved_start(plan, start, 1, DType::kF32).at("up").bytes);
  EXPECT_NE(moved.at("up").bytes, moved_start(plan, start, 2, DType::kF32).at("up").bytes);
  // Rounded to a narrow type: rounding again changes nothing.
  const TensorMap narrow = moved_start(plan, start, 1, DType::kBF16);
  EXPECT_NE(narrow.at("up").bytes, moved.at("up").bytes);
  EXPECT_EQ(narrow.at("up").type, type);
}

TEST(StepStart, StatesOfTextAreRoundedAndNothingElse) {
  const TensorType type{DType::kF32, {1}};
  PassInput input;
  input.tensors["latent"] = tensor_of(type, std::vector<double>{1.001});
  input.tensors["text_encoder.pooled"] = tensor_of(type, std::vector<double>{1.001});
  round_states(input, DType::kBF16);
  EXPECT_FLOAT_EQ(static_cast<float>(numbers_of(input.tensors["latent"])[0]), 1.001F);
  EXPECT_EQ(numbers_of(input.tensors["text_encoder.pooled"])[0], 1.0);
}

}  // namespace
}  // namespace flame
