// How pictures are drawn with the models: the noise that SDXL was trained with, what its denoiser is
// given, and latents in the scale that it wants.
#include <gmock/gmock.h>

#include "tests/models/started_model.h"
#include "tests/support/evaluate.h"

namespace flame {
namespace {

using model_test::Settings;
using model_test::start_model;
using testing::DoubleNear;
using testing::HasSubstr;
using testing::Pointwise;
using testing_support::evaluate;
using testing_support::numbers_of;
using testing_support::tensor_of;

class Drawing : public testing::Test {
 protected:
  PluginModel start(const std::string &component, const Settings &settings = {}) {
    Result<PluginModel> started = start_model(host_, component, settings);
    EXPECT_TRUE(started.ok()) << started.error().text();
    return std::move(*started);
  }
  DiffusionSpec spec(const Settings &settings = {}) {
    const Result<DiffusionSpec> made = start("sdxl", settings).diffusion();
    EXPECT_TRUE(made.ok()) << made.error().text();
    return *made;
  }

  PluginHost host_{{}};
};

// Any numbers, but no two alike.
HostTensor counted(const TensorType &type) {
  std::vector<double> numbers;
  for (int64_t i = 0; i < type.shape.element_count(); ++i)
    numbers.push_back(0.25 * static_cast<double>((i * 37) % 101 - 50) / 25);
  return tensor_of(type, numbers);
}

TEST_F(Drawing, KnowsTheNoiseThatSdxlWasTrainedWith) {
  const DiffusionSpec sdxl = spec();
  ASSERT_EQ(sdxl.noise_levels.size(), 1000u);
  EXPECT_NEAR(sdxl.noise_levels.front(), 0.0291671, 1e-7);
  EXPECT_NEAR(sdxl.noise_levels[500], 1.618279, 1e-5);
  EXPECT_NEAR(sdxl.noise_levels.back(), 14.6146, 1e-4);
  EXPECT_EQ(sdxl.prediction, FLAME_PREDICTS_EPSILON);
  EXPECT_EQ(sdxl.usual_size, 1024);
  ASSERT_EQ(sdxl.parts.size(), 3u);
  EXPECT_EQ(sdxl.parts[1].component, "clip-g");
}

TEST_F(Drawing, EndsInPureNoiseWhereAskedTo) {
  const DiffusionSpec zero = spec(
      {{"rescale_betas_zero_snr", {true}}, {"prediction_type", {std::string("v_prediction")}}});
  EXPECT_EQ(zero.noise_levels.back(), 4096);
  EXPECT_NEAR(zero.noise_levels.front(), 0.0291671, 1e-7);
  EXPECT_LT(zero.noise_levels[998], 4096);
  EXPECT_EQ(zero.prediction, FLAME_PREDICTS_VELOCITY);
}

TEST_F(Drawing, IsNotWhatAnEncoderDoes) {
  EXPECT_THAT(start("sdxl-vae").diffusion().error().what, HasSubstr("draws no pictures"));
}

TEST_F(Drawing, PutsTheTextsOfBothEncodersSideBySide) {
  const PluginModel sdxl = start("sdxl");
  const Result<Program> program = sdxl.build("conditions", {{"batch", 1},
                                                            {"rows", 2},
                                                            {"tokens", 3},
                                                            {"text_encoder.penultimate", 768},
                                                            {"text_encoder_2.penultimate", 1280},
                                                            {"text_encoder_2.text_embeds", 1280}});
  ASSERT_TRUE(program.ok()) << program.error().text();
  TensorMap given;
  for (const NamedValue &input : program->inputs())
    given[input.name] = counted(program->type(input.value));
  const Result<TensorMap> made = evaluate(*program, given);
  ASSERT_TRUE(made.ok()) << made.error().text();
  const HostTensor &states = made->at("encoder_hidden_states");
  ASSERT_EQ(states.type.shape, (Shape{1, 6, 2048}));
  const std::vector<double> text = numbers_of(states);
  // Token 4 is the second of the second row.
  EXPECT_EQ(text[4 * 2048 + 5], numbers_of(given.at("text_encoder.penultimate"))[4 * 768 + 5]);
  EXPECT_EQ(text[4 * 2048 + 768 + 5],
            numbers_of(given.at("text_encoder_2.penultimate"))[4 * 1280 + 5]);
  const std::vector<double> pooled = numbers_of(given.at("text_encoder_2.text_embeds"));
  EXPECT_EQ(numbers_of(made->at("text_embeds")),
            std::vector<double>(pooled.begin(), pooled.begin() + 1280));
  EXPECT_EQ(numbers_of(made->at("time_ids")), numbers_of(given.at("picture")));
}

TEST_F(Drawing, RefusesTheEncodersOfAnotherModel) {
  const PluginModel sdxl = start("sdxl");
  const auto refusal = [&](int64_t width, int64_t pooled) {
    return sdxl
        .build("conditions", {{"batch", 1},
                              {"rows", 1},
                              {"tokens", 77},
                              {"text_encoder.penultimate", width},
                              {"text_encoder_2.penultimate", 1280},
                              {"text_encoder_2.text_embeds", pooled}})
        .error()
        .what;
  };
  EXPECT_THAT(refusal(1024, 1280), HasSubstr("together 2304, but the UNet's cross_attention_dim"));
  EXPECT_THAT(refusal(768, 768), HasSubstr("the pooled text is 768 wide"));
}

const Settings kTinyVae{{"block_out_channels", {int64_t{8}, int64_t{8}}},
                        {"layers_per_block", {int64_t{1}}},
                        {"norm_num_groups", {int64_t{4}}},
                        {"scaling_factor", {0.5}},
                        {"shift_factor", {0.25}}};

TensorMap weights_of(const Program &program) {
  TensorMap given;
  for (const Parameter &parameter : program.parameters())
    given[parameter.name] = counted(program.type(parameter.value));
  return given;
}

TEST_F(Drawing, DecodesLatentsInTheDenoisersScale) {
  const PluginModel vae = start("sdxl-vae", kTinyVae);
  const std::vector<std::pair<std::string, int64_t>> sizes{
      {"batch", 1}, {"height", 3}, {"width", 2}};
  const Result<Program> scaled = vae.build("decode", sizes), plain = vae.build("decoder", sizes);
  ASSERT_TRUE(scaled.ok() && plain.ok());
  TensorMap given = weights_of(*scaled);
  given["latent"] = counted({DType::kF32, Shape{1, 3, 2, 4}});
  const Result<TensorMap> one = evaluate(*scaled, given);
  std::vector<double> numbers = numbers_of(given["latent"]);
  for (double &number : numbers) number = number / 0.5 + 0.25;
  given["latent"] = tensor_of({DType::kF32, Shape{1, 3, 2, 4}}, numbers);
  const Result<TensorMap> two = evaluate(*plain, given);
  ASSERT_TRUE(one.ok() && two.ok());
  EXPECT_THAT(numbers_of(one->at("sample")),
              Pointwise(DoubleNear(1e-5), numbers_of(two->at("sample"))));
}

TEST_F(Drawing, EncodesWithTheNoiseOfTheMoments) {
  const PluginModel vae = start("sdxl-vae", kTinyVae);
  const std::vector<std::pair<std::string, int64_t>> sizes{
      {"batch", 1}, {"height", 6}, {"width", 4}};
  const Result<Program> scaled = vae.build("encode", sizes), plain = vae.build("encoder", sizes);
  ASSERT_TRUE(scaled.ok() && plain.ok());
  TensorMap given = weights_of(*scaled);
  given["sample"] = counted({DType::kF32, Shape{1, 6, 4, 3}});
  given["noise"] = counted({DType::kF32, Shape{1, 3, 2, 4}});
  const Result<TensorMap> one = evaluate(*scaled, given), two = evaluate(*plain, given);
  ASSERT_TRUE(one.ok() && two.ok());
  const std::vector<double> moments = numbers_of(two->at("moments"));
  const std::vector<double> noise = numbers_of(given["noise"]);
  std::vector<double> expected;
  for (size_t i = 0; i < noise.size(); ++i) {
    const size_t at = i / 4 * 8 + i % 4;
    const double deviation = std::exp(0.5 * std::clamp(moments[at + 4], -30.0, 20.0));
    expected.push_back((moments[at] + deviation * noise[i] - 0.25) * 0.5);
  }
  EXPECT_THAT(numbers_of(one->at("latent")), Pointwise(DoubleNear(1e-4), expected));
}

}  // namespace
}  // namespace flame
