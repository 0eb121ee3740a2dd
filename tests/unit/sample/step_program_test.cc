// The program of one sampling step: it is run again and again on the reference kernels and compared
// with the same run written out by hand.
#include "core/sample/step_program.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "core/plugin/plugin_host.h"
#include "tests/support/evaluate.h"

namespace flame {
namespace {

using testing::DoubleNear;
using testing::HasSubstr;
using testing::Pointwise;
using testing_support::evaluate;
using testing_support::numbers_of;
using testing_support::tensor_of;

constexpr int64_t kElements = 2 * 3 * 2;
const std::vector<double> kSigmas{10, 4, 1.5, 0};
const std::vector<double> kTimes{900, 500, 200};

// Predicts sample / 2 + timestep / 1000 + text, each picture with its own text.
Program denoiser(int64_t batch) {
  ProgramBuilder builder;
  const Term sample = builder.term(builder.input("sample", {DType::kF32, Shape{batch, 2, 3, 2}}));
  const Term time = builder.term(builder.input("timestep", {DType::kF32, Shape{batch}}));
  const Term text = builder.term(builder.input("text", {DType::kF32, Shape{batch, 1, 1, 2}}));
  const Term times = reshape(time, Shape{batch, 1, 1, 1});
  builder.output("sample",
                 map("mul x0 0.5; mul x1 0.001; add t0 t1; add t2 x2", {sample, times, text}).id());
  return *builder.finish();
}

class StepProgramTest : public testing::Test {
 protected:
  Result<PluginSampler> sampler(const std::string &name) {
    const Catalogue catalogue = Catalogue::scan({FLAME_PLUGINS});
    FLAME_ASSIGN(const Catalogue::Match match, catalogue.find(FLAME_KIND_SAMPLER, name));
    FLAME_ASSIGN(const StartedComponent started, host_.start(match));
    AttributeList options;
    for (const OptionSpec &spec : started.component->options)
      if (spec.default_text) options.add(spec, default_value(spec));
    return PluginSampler::create(started.table<flame_sampler_interface>(), started.plugin->id(),
                                 name, options);
  }

  // All steps, each with what the one before handed on.
  std::vector<double> run(const StepProgram &step, TensorMap given) {
    for (size_t i = 0; i < kTimes.size(); ++i) {
      const Result<TensorMap> made = evaluate(step.program, given);
      EXPECT_TRUE(made.ok()) << made.error().text();
      if (!made.ok()) return {};
      for (const Replacement &each : step.placement.replaces)
        given[each.input] = made->at(each.output);
    }
    EXPECT_EQ(numbers_of(given.at(std::string(kIndexName)))[0], 3);
    return numbers_of(given.at(std::string(kLatentName)));
  }

  static TensorMap values(int64_t batch) {
    TensorMap given;
    std::vector<double> text{0.25, -0.5, 1, 2};
    text.resize(static_cast<size_t>(2 * batch));
    given["text"] = tensor_of({DType::kF32, Shape{batch, 1, 1, 2}}, text);
    given[std::string(kLatentName)] = tensor_of({DType::kF32, Shape{1, 2, 3, 2}}, latent());
    given[std::string(kIndexName)] = tensor_of({DType::kI64, Shape()}, {0});
    given[std::string(kSigmasName)] = tensor_of({DType::kF32, Shape{4}}, kSigmas);
    given[std::string(kTimesName)] = tensor_of({DType::kF32, Shape{3}}, kTimes);
    return given;
  }
  static std::vector<double> latent() {
    std::vector<double> numbers;
    for (int64_t i = 0; i < kElements; ++i) numbers.push_back(std::sin(1.0 + 2.0 * i) * 10);
    return numbers;
  }

  PluginHost host_{{}};
};

double predicted(double x, double sigma, double time, double text) {
  return x / std::sqrt(sigma * sigma + 1) / 2 + time / 1000 + text;
}

// Of all numbers, as the deviation of a picture.
double deviation(const std::vector<double> &x) {
  double mean = 0, square = 0;
  for (const double each : x) mean += each / static_cast<double>(x.size());
  for (const double each : x) square += (each - mean) * (each - mean);
  return std::sqrt(square / static_cast<double>(x.size()));
}

TEST_F(StepProgramTest, IsARunOfEuler) {
  const Result<PluginSampler> euler = sampler("euler");
  ASSERT_TRUE(euler.ok()) << euler.error().text();
  const Result<StepProgram> step = build_step(denoiser(1), *euler, {.steps = 3});
  ASSERT_TRUE(step.ok()) << step.error().text();
  std::vector<double> x = latent();
  for (size_t s = 0; s < 3; ++s) {
    for (size_t i = 0; i < x.size(); ++i) {
      const double noise = predicted(x[i], kSigmas[s], kTimes[s], i % 2 ? -0.5 : 0.25);
      x[i] += noise * (kSigmas[s + 1] - kSigmas[s]);
    }
  }
  EXPECT_THAT(run(*step, values(1)), Pointwise(DoubleNear(1e-5), x));
}

TEST_F(StepProgramTest, FollowsTheGuidanceAndKeepsTheDeviation) {
  const Result<PluginSampler> euler = sampler("euler");
  ASSERT_TRUE(euler.ok()) << euler.error().text();
  for (const double rescale : {0.0, 0.7}) {
    const Result<StepProgram> step = build_step(
        denoiser(2), *euler,
        {.steps = 3, .prediction = Prediction::kVelocity, .guided = true, .rescale = rescale});
    ASSERT_TRUE(step.ok()) << step.error().text();
    TensorMap given = values(2);
    given[std::string(kGuidanceName)] = tensor_of({DType::kF32, Shape()}, {5});
    std::vector<double> x = latent();
    for (size_t s = 0; s < 3; ++s) {
      const double sigma = kSigmas[s], unit = std::sqrt(sigma * sigma + 1);
      std::vector<double> with, led;
      for (size_t i = 0; i < x.size(); ++i) {
        const double without = predicted(x[i], sigma, kTimes[s], i % 2 ? -0.5 : 0.25);
        with.push_back(predicted(x[i], sigma, kTimes[s], i % 2 ? 2 : 1));
        led.push_back(without + 5 * (with[i] - without));
      }
      const double ratio = deviation(with) / deviation(led);
      for (size_t i = 0; i < x.size(); ++i) {
        const double v = led[i] * (rescale * ratio + 1 - rescale);
        const double clean = x[i] / (unit * unit) - v * sigma / unit;
        x[i] += (x[i] - clean) / sigma * (kSigmas[s + 1] - sigma);
      }
    }
    EXPECT_THAT(run(*step, given), Pointwise(DoubleNear(2e-5), x)) << "rescale " << rescale;
  }
}

TEST_F(StepProgramTest, DrawsNoiseAnewInEachStepAndTheSameForASeed) {
  const Result<PluginSampler> ancestral = sampler("euler_ancestral");
  ASSERT_TRUE(ancestral.ok()) << ancestral.error().text();
  const Result<StepProgram> step = build_step(denoiser(1), *ancestral, {.steps = 3});
  ASSERT_TRUE(step.ok()) << step.error().text();
  TensorMap given = values(1);
  std::vector<std::vector<double>> results;
  for (const double seed : {7, 7, 8}) {
    given[std::string(kSeedName)] = tensor_of({DType::kI64, Shape()}, {seed});
    results.push_back(run(*step, given));
  }
  EXPECT_EQ(results[0], results[1]);
  EXPECT_NE(results[0], results[2]);
}

TEST_F(StepProgramTest, KeepsWhatAMultistepMethodRemembers) {
  const Result<PluginSampler> multistep = sampler("dpmpp_2m");
  ASSERT_TRUE(multistep.ok()) << multistep.error().text();
  const Result<StepProgram> step = build_step(denoiser(1), *multistep, {.steps = 3});
  ASSERT_TRUE(step.ok()) << step.error().text();
  TensorMap given = values(1);
  given[memory_name(0)] =
      tensor_of({DType::kF32, Shape{1, 2, 3, 2}}, std::vector<double>(kElements, 0.0));
  std::vector<double> x = latent(), before(x.size());
  for (size_t s = 0; s < 3; ++s) {
    const double sigma = kSigmas[s], next = kSigmas[s + 1];
    for (size_t i = 0; i < x.size(); ++i) {
      const double clean = x[i] - sigma * predicted(x[i], sigma, kTimes[s], i % 2 ? -0.5 : 0.25);
      double estimate = clean;
      if (s == 1) {
        const double ratio = std::log(sigma / next) / std::log(kSigmas[0] / sigma);
        estimate += 0.5 * ratio * (clean - before[i]);
      }
      before[i] = clean;
      x[i] = next / sigma * x[i] + (1 - next / sigma) * estimate;
    }
  }
  EXPECT_THAT(run(*step, given), Pointwise(DoubleNear(2e-5), x));
}

TEST_F(StepProgramTest, RefusesADenoiserOfAnotherForm) {
  const Result<PluginSampler> euler = sampler("euler");
  ASSERT_TRUE(euler.ok()) << euler.error().text();
  EXPECT_THAT(build_step(denoiser(1), *euler, {.guided = true}).error().what,
              HasSubstr("expected f32[2, h, w, c]"));
  ProgramBuilder builder;
  builder.output("y", builder.input("x", {DType::kF32, Shape{1}}));
  EXPECT_THAT(build_step(*builder.finish(), *euler, {}).error().what,
              HasSubstr("lacks an input 'sample'"));
}

}  // namespace
}  // namespace flame
