// Pictures from prompts with small models of random weights: the run as it is written out by hand,
// one backend against another, and what is refused.
#include "core/tensor/numbers.h"
#include "flame/philox.hpp"
#include "tests/models/painter_fixture.h"

namespace flame {
namespace {

using namespace painter_test;
using testing::HasSubstr;

TEST_F(PainterTest, DrawsWhatTheStepsByHandGive) {
  const PaintRequest request{"a red circle", "", 11};
  PaintSettings settings = kSmall;
  settings.steps = 1;

  const HostTensor ids{{DType::kI64, Shape{1, 77}}, {}};
  TensorMap states;
  for (size_t encoder : {size_t{1}, size_t{2}}) {
    const TokenRows rows = *small_.models[encoder]->tokenize(request.prompt, 1);
    HostTensor given = ids;
    const auto bytes = std::as_bytes(std::span(rows.ids));
    given.bytes.assign(bytes.begin(), bytes.end());
    const std::string role = encoder == 1 ? "text_encoder." : "text_encoder_2.";
    for (auto &[name, tensor] :
         answers(encoder, "text", {{"batch", 1}, {"tokens", 77}}, {{"input_ids", given}}))
      states[role + name] = tensor;
  }
  TensorMap given;
  given["encoder_hidden_states"].type = {DType::kF32, Shape{1, 77, 32}};
  std::vector<double> both;
  const std::vector<double> first = numbers_of(states["text_encoder.penultimate"]),
                            second = numbers_of(states["text_encoder_2.penultimate"]);
  for (size_t token = 0; token < 77; ++token) {
    both.insert(both.end(), first.begin() + token * 16, first.begin() + token * 16 + 16);
    both.insert(both.end(), second.begin() + token * 16, second.begin() + token * 16 + 16);
  }
  const TensorType latent{DType::kF32, Shape{1, 2, 4, 4}};
  std::vector<double> noise;
  for (uint64_t block = 0; block < 8; ++block) {
    const auto words = random_words(11, 0, 0, block);
    for (const auto &pair : {normal_pair(words[0], words[1]), normal_pair(words[2], words[3])})
      noise.insert(noise.end(), pair.begin(), pair.end());
  }
  // Leading with an offset of 1: one step at time 1.
  const double sigma = small_.paint.spec.noise_levels[1], unit = std::sqrt(sigma * sigma + 1);
  given["sample"] = tensor_of(latent, noise);
  given["timestep"] = tensor_of({DType::kF32, Shape{1}}, std::vector<double>{1});
  given["encoder_hidden_states"] = tensor_of({DType::kF32, Shape{1, 77, 32}}, both);
  given["text_embeds"] = states["text_encoder_2.text_embeds"];
  given["time_ids"] =
      tensor_of({DType::kF32, Shape{1, 6}}, std::vector<double>{16, 32, 0, 0, 16, 32});
  const std::vector<double> predicted = numbers_of(answers(
      0, "unet", {{"batch", 1}, {"height", 2}, {"width", 4}, {"tokens", 77}}, given)["sample"]);
  std::vector<double> clean;
  for (size_t i = 0; i < noise.size(); ++i) clean.push_back(noise[i] * unit - sigma * predicted[i]);
  std::vector<float> expected;
  for (const double x : numbers_of(answers(3, "decode", {{"batch", 1}, {"height", 2}, {"width", 4}},
                                           {{"latent", tensor_of(latent, clean)}})["sample"]))
    expected.push_back(static_cast<float>(std::clamp(x / 2 + 0.5, 0.0, 1.0)));

  EXPECT_LE(largest_difference(drawn(settings, request, "reference"), expected), 1e-4);
  EXPECT_LE(largest_difference(drawn(settings, request), expected), 1e-4);
}

TEST_F(PainterTest, DrawsTheSameForASeedOnEveryBackend) {
  PaintSettings settings = kSmall;
  settings.guidance = 5;
  settings.rescale = 0.5;
  const PaintRequest request{"a blue square", "blurry", 3};
  for (const char *name : {"euler_ancestral", "dpmpp_2m"}) {
    const std::vector<float> once = drawn(settings, request, "onednn", name);
    EXPECT_EQ(once, drawn(settings, request, "onednn", name)) << name;
    EXPECT_LE(largest_difference(once, drawn(settings, request, "reference", name)), 1.0 / 255)
        << name;
    EXPECT_GT(
        largest_difference(once, drawn(settings, {"a blue square", "blurry", 4}, "onednn", name)),
        0.01)
        << name;
  }
}

TEST_F(PainterTest, DrawsSeveralPicturesAsIfEachWereTheFirst) {
  const Result<Painter> made = painter(kSmall);
  ASSERT_TRUE(made.ok()) << made.error().text();
  const Result<Picture> first = made->paint({"one", "", 1}), other = made->paint({"two", "", 2}),
                        again = made->paint({"one", "", 1});
  ASSERT_TRUE(first.ok() && other.ok() && again.ok());
  EXPECT_EQ(first->pixels, again->pixels);
  EXPECT_NE(first->pixels, other->pixels);
  EXPECT_EQ(first->height, 16);
  EXPECT_EQ(first->width, 32);
}

TEST_F(PainterTest, ReadsLongPromptsInRows) {
  std::string prompt;
  for (int i = 0; i < 100; ++i) prompt += "cat ";
  PaintSettings settings = kSmall;
  const Result<Painter> one = painter(settings);
  settings.text_rows = 2;
  const Result<Painter> two = painter(settings);
  ASSERT_TRUE(one.ok() && two.ok());
  EXPECT_EQ(*one->tokens_cut(prompt), 25u);
  EXPECT_EQ(*two->tokens_cut(prompt), 0u);
  const Result<Picture> cut = one->paint({prompt, "", 1}), whole = two->paint({prompt, "", 1});
  ASSERT_TRUE(cut.ok() && whole.ok());
  EXPECT_NE(cut->pixels, whole->pixels);
}

TEST_F(PainterTest, DrawsInNarrowTypesToo) {
  PaintSettings settings = kSmall;
  const std::vector<float> exact = drawn(settings, {"a star", "", 1});
  for (const DType compute : {DType::kBF16, DType::kF16}) {
    settings.compute = compute;
    EXPECT_LE(largest_difference(drawn(settings, {"a star", "", 1}), exact), 0.2);
  }
}

TEST_F(PainterTest, EndsWhereTheCallerSaysSo) {
  const Result<Painter> made = painter(kSmall);
  ASSERT_TRUE(made.ok());
  const Result<Picture> ended = made->paint({"a", "", 1}, [](uint32_t step) -> Status {
    if (step == 1) return Error{ErrorKind::kInterrupted, "stopped", ""};
    return {};
  });
  ASSERT_FALSE(ended.ok());
  EXPECT_EQ(ended.error().what, "stopped");
}

TEST_F(PainterTest, RefusesWhatCannotBeDrawn) {
  PaintSettings settings = kSmall;
  settings.width = 100;
  EXPECT_THAT(painter(settings).error().text(),
              HasSubstr("the width of pictures is 100, but the model draws multiples of 8"));
  settings = kSmall;
  settings.memory_bytes = 1 << 20;
  const Result<Painter> large = painter(settings);
  ASSERT_FALSE(large.ok());
  EXPECT_EQ(large.error().kind, ErrorKind::kOutOfMemory);
  EXPECT_THAT(large.error().what, HasSubstr("backend.memory allows 1.0 MiB"));
  settings = kSmall;
  settings.steps = 2000;
  EXPECT_THAT(painter(settings).error().what, HasSubstr("2000 steps are too many"));
  const Result<Painter> made = painter(kSmall);
  ASSERT_TRUE(made.ok());
  EXPECT_THAT(made->paint({"\xff", "", 1}).error().what, HasSubstr("UTF-8"));
}

TEST_F(PainterTest, NamesAWeightThatIsMissing) {
  std::erase_if(small_.matches[1]->placed, [](const PlacedWeight &weight) {
    return weight.parameter.ends_with("final_layer_norm.weight");
  });
  const Result<Painter> made = painter(kSmall);
  ASSERT_FALSE(made.ok());
  EXPECT_THAT(made.error().what, HasSubstr("of text_encoder"));
}

}  // namespace
}  // namespace flame
