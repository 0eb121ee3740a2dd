// The sampler plugins against the schedulers of another implementation (make_samplers.py): the noise
// levels and times of a run, and the sample after each step, with the same predictions and noise.
#include <gtest/gtest.h>

#include <cmath>

#include "core/plugin/backends.h"
#include "core/plugin/plugin_sampler.h"
#include "tests/golden/golden_case.h"

namespace flame::golden_test {
namespace {

using testing_support::numbers_of;
using testing_support::tensor_of;

// The schedulers compute in f32.
constexpr double kTolerance = 1e-5;
const TensorType kLatent{DType::kF64, Shape{1, 3, 4, 2}};
const TensorType kScalar{DType::kF64, Shape()};
const TensorType kIndex{DType::kI64, Shape()};

std::vector<double> numbers_at(const Json &json, const std::string &key) {
  return *read_numbers(*json.find(key));
}

std::vector<double> drawn(int64_t seed) {
  return numbers_of(Draw{kLatent, seed, 1 << 20, -2.0, std::ldexp(1, -18)}.tensor());
}

// Of Stable Diffusion: the roots of the betas lie on a straight line.
std::vector<double> trained_levels(const Json &trained) {
  const auto number = [&](const char *key) { return trained.find(key)->as_number(); };
  const auto count = static_cast<size_t>(number("num_train_timesteps"));
  const double first = std::sqrt(number("beta_start")), last = std::sqrt(number("beta_end"));
  std::vector<double> sigmas;
  double kept = 1;
  for (size_t i = 0; i < count; ++i) {
    const double root =
        first + (last - first) * static_cast<double>(i) / static_cast<double>(count - 1);
    kept *= 1 - root * root;
    sigmas.push_back(std::sqrt((1 - kept) / kept));
  }
  return sigmas;
}

struct SamplerCase {
  std::string name;
  Json json;
  std::vector<double> trained;
};
void PrintTo(const SamplerCase &c, std::ostream *out) {
  *out << c.name;
}

std::vector<SamplerCase> read_cases() {
  const Result<Json> file = read_golden("samplers.json");
  std::vector<SamplerCase> cases;
  if (!file.ok()) return cases;
  const std::vector<double> trained = trained_levels(*file->find("trained"));
  for (const Json &json : *file->find("cases")->as_array())
    cases.push_back({*json.find("name")->as_string(), json, trained});
  return cases;
}

class SamplerGolden : public testing::TestWithParam<SamplerCase> {
 protected:
  SamplerGolden() : sampler_(open()) {}

  const Json &json() const { return GetParam().json; }

  // The case's options over the defaults of the component.
  Result<PluginSampler> open() {
    const Catalogue catalogue = Catalogue::scan({FLAME_PLUGINS});
    const std::string name = *json().find("component")->as_string();
    FLAME_ASSIGN(const Catalogue::Match match, catalogue.find(FLAME_KIND_SAMPLER, name));
    FLAME_ASSIGN(const StartedComponent started, host_.start(match));
    AttributeList options;
    for (const OptionSpec &spec : started.component->options) {
      OptionValue value = default_value(spec);
      if (const Json *given = json().find("options")->find(spec.name)) {
        value.items = {given->as_string() ? Scalar(*given->as_string())
                                          : Scalar(given->as_number())};
      }
      options.add(spec, value);
    }
    return PluginSampler::create(started.table<flame_sampler_interface>(), started.plugin->id(),
                                 name, options);
  }

  Program step_program() const {
    ProgramBuilder builder;
    SamplerStepInputs in;
    in.sample = builder.input("sample", kLatent);
    in.denoised = builder.input("denoised", kLatent);
    if (sampler_->uses_noise()) in.noise = builder.input("noise", kLatent);
    in.sigma = builder.input("sigma", kScalar);
    in.next_sigma = builder.input("next_sigma", kScalar);
    in.previous_sigma = builder.input("previous_sigma", kScalar);
    in.time = builder.input("time", kScalar);
    in.index = builder.input("index", kIndex);
    for (uint32_t i = 0; i < sampler_->memory_count(); ++i)
      in.memories.push_back(builder.input("memory" + std::to_string(i), kLatent));
    const Result<SamplerStepOutputs> out = sampler_->build(builder, in);
    EXPECT_TRUE(out.ok()) << out.error().text();
    builder.output("sample", out->sample);
    for (size_t i = 0; i < out->memories.size(); ++i)
      builder.output("memory" + std::to_string(i), out->memories[i]);
    return *builder.finish();
  }

  PluginHost host_{{}};
  Result<PluginSampler> sampler_;
};

TEST_P(SamplerGolden, VisitsTheSameLevelsAtTheSameTimes) {
  ASSERT_TRUE(sampler_.ok()) << sampler_.error().text();
  const auto steps = static_cast<uint32_t>(*json().find("steps")->as_int());
  const Result<NoisePoints> points = sampler_->levels(steps, GetParam().trained);
  ASSERT_TRUE(points.ok()) << points.error().text();
  EXPECT_LE(relative_error(points->sigmas, numbers_at(json(), "sigmas")), kTolerance);
  EXPECT_LE(relative_error(points->times, numbers_at(json(), "times")), kTolerance);
}

TEST_P(SamplerGolden, StepsAsTheSchedulerDoes) {
  ASSERT_TRUE(sampler_.ok()) << sampler_.error().text();
  const Program program = step_program();
  const std::vector<double> sigmas = numbers_at(json(), "sigmas");
  const std::vector<double> times = numbers_at(json(), "times");
  const int64_t seed = *json().find("seed")->as_int();
  const bool scaled = *json().find("scaled")->as_bool();
  const Json::Array &wanted = *json().find("samples")->as_array();
  int64_t noises = 0;

  std::vector<double> sample = drawn(seed + 900);
  for (double &x : sample) x *= scaled ? std::sqrt(1 + sigmas[0] * sigmas[0]) : sigmas[0];
  TensorMap given;
  for (uint32_t i = 0; i < sampler_->memory_count(); ++i)
    given["memory" + std::to_string(i)] = tensor_of(kLatent, std::vector<double>(24, 0.0));
  for (size_t step = 0; step < times.size(); ++step) {
    std::vector<double> denoised = drawn(seed + static_cast<int64_t>(step));
    for (size_t i = 0; i < denoised.size(); ++i)
      denoised[i] = sample[i] - sigmas[step] * denoised[i];
    given["sample"] = tensor_of(kLatent, sample);
    given["denoised"] = tensor_of(kLatent, denoised);
    given["sigma"] = tensor_of(kScalar, {sigmas[step]});
    given["next_sigma"] = tensor_of(kScalar, {sigmas[step + 1]});
    given["previous_sigma"] = tensor_of(kScalar, {step == 0 ? 0.0 : sigmas[step - 1]});
    given["time"] = tensor_of(kScalar, {times[step]});
    given["index"] = tensor_of(kIndex, {static_cast<double>(step)});
    if (sampler_->uses_noise()) given["noise"] = tensor_of(kLatent, drawn(seed + 500 + noises++));
    const Result<TensorMap> made = testing_support::evaluate(program, given);
    ASSERT_TRUE(made.ok()) << made.error().text();
    sample = numbers_of(made->at("sample"));
    for (uint32_t i = 0; i < sampler_->memory_count(); ++i) {
      const std::string name = "memory" + std::to_string(i);
      given[name] = made->at(name);
    }
    EXPECT_LE(relative_error(sample, *read_numbers(wanted[step])), kTolerance) << "step " << step;
  }
}

INSTANTIATE_TEST_SUITE_P(Samplers, SamplerGolden, testing::ValuesIn(read_cases()),
                         [](const auto &info) { return info.param.name; });

TEST(SamplerGoldenFile, HasACaseForEverySampler) {
  std::vector<std::string> missing{"euler", "euler_ancestral", "dpmpp_2m", "dpmpp_2m_sde", "ddim",
                                   "lcm"};
  for (const SamplerCase &c : read_cases())
    std::erase(missing, *c.json.find("component")->as_string());
  EXPECT_TRUE(missing.empty()) << missing.front();
}

}  // namespace
}  // namespace flame::golden_test
