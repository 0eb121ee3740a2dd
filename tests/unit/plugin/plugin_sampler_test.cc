// Samplers of plugins: what the host takes from them, and what it refuses.
#include "core/plugin/plugin_sampler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace flame {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const TensorType kLatent{DType::kF32, Shape{1, 2, 2, 4}};
const double kTrained[] = {0.1, 1, 10};

// What the plugin of a test does.
struct Behaviour {
  bool null_object = false;
  uint32_t memories = 0;
  std::vector<double> sigmas{10, 1, 0};
  std::vector<double> times{2, 1};
  bool gives_scalar = false;
} behaviour;

flame_status create(flame_call *, flame_str, const flame_attribute *, uint32_t,
                    flame_sampler **out) noexcept {
  *out = behaviour.null_object ? nullptr : reinterpret_cast<flame_sampler *>(&behaviour);
  return FLAME_OK;
}
void destroy(flame_sampler *) noexcept {}
flame_status levels(flame_sampler *, flame_call *, uint32_t, const flame_noise_levels *,
                    double *sigmas, double *times) noexcept {
  std::ranges::copy(behaviour.sigmas, sigmas);
  std::ranges::copy(behaviour.times, times);
  return FLAME_OK;
}
uint32_t memory_count(flame_sampler *) noexcept {
  return behaviour.memories;
}
uint32_t uses_noise(flame_sampler *) noexcept {
  return 0;
}
flame_status build(flame_sampler *, flame_call *, const flame_program_builder *,
                   flame_sampler_step *step) noexcept {
  step->next_sample = behaviour.gives_scalar ? step->sigma : step->denoised;
  return FLAME_OK;
}

class PluginSamplerTest : public testing::Test {
 protected:
  PluginSamplerTest() { behaviour = {}; }

  Result<PluginSampler> open() {
    static constexpr flame_sampler_interface kTable{sizeof(flame_sampler_interface),
                                                    0,
                                                    create,
                                                    destroy,
                                                    levels,
                                                    memory_count,
                                                    uses_noise,
                                                    build};
    return PluginSampler::create(kTable, "org.example", "sampler", {});
  }
  std::string refused_levels() {
    const Result<NoisePoints> points = open()->levels(2, kTrained);
    return points.ok() ? "" : points.error().what;
  }
  std::string refused_step() {
    ProgramBuilder builder;
    SamplerStepInputs inputs;
    inputs.sample = builder.input("sample", kLatent);
    inputs.denoised = builder.input("denoised", kLatent);
    inputs.sigma = builder.input("sigma", {DType::kF32, Shape()});
    const Result<SamplerStepOutputs> out = open()->build(builder, inputs);
    return out.ok() ? "" : out.error().what;
  }
};

TEST_F(PluginSamplerTest, GivesLevelsAndSteps) {
  const Result<NoisePoints> points = open()->levels(2, kTrained);
  ASSERT_TRUE(points.ok());
  EXPECT_THAT(points->sigmas, ElementsAre(10, 1, 0));
  EXPECT_THAT(points->times, ElementsAre(2, 1));
  EXPECT_EQ(refused_step(), "");
}

TEST_F(PluginSamplerTest, RefusesWhatIsNoSampler) {
  behaviour.null_object = true;
  EXPECT_THAT(open().error().what, HasSubstr("null pointer"));
  behaviour = {.memories = 1000};
  EXPECT_THAT(open().error().what, HasSubstr("keeps 1000 tensors"));
}

TEST_F(PluginSamplerTest, RefusesLevelsThatDoNotFall) {
  behaviour.sigmas = {10, 10, 0};
  EXPECT_THAT(refused_levels(), HasSubstr("from the noise level 10 to 10 in step 0"));
  behaviour.sigmas = {11, 1, 0};
  EXPECT_THAT(refused_levels(), HasSubstr("above the model's 10"));
  behaviour.sigmas = {10, NAN, 0};
  EXPECT_THAT(refused_levels(), HasSubstr("in step 0"));
  behaviour.sigmas = {10, 1, -1};
  EXPECT_THAT(refused_levels(), HasSubstr("ends at the noise level -1"));
  behaviour.sigmas = {10};  // the rest is left as it was
  EXPECT_NE(refused_levels(), "");
}

TEST_F(PluginSamplerTest, RefusesTimesOutsideOfTheModel) {
  behaviour.times = {3, 1};
  EXPECT_THAT(refused_levels(), HasSubstr("at time 3 in step 0, expected 0 to 2"));
  behaviour.times = {2};
  EXPECT_THAT(refused_levels(), HasSubstr("in step 1"));
}

TEST_F(PluginSamplerTest, RefusesAStepOfAnotherShape) {
  behaviour.gives_scalar = true;
  EXPECT_THAT(refused_step(),
              HasSubstr("gives its next sample as f32[], expected f32[1, 2, 2, 4]"));
  behaviour = {.memories = 1};
  EXPECT_THAT(refused_step(), HasSubstr("gives no value as its memory"));
}

}  // namespace
}  // namespace flame
