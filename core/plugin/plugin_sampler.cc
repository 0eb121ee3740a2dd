#include "core/plugin/plugin_sampler.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>

#include "core/base/call_scope.h"
#include "core/base/flame_text.h"
#include "core/program/builder_bridge.h"

namespace flame {
namespace {

// Each is as large as a latent: more is no sampler, but a plugin that runs wild.
constexpr uint32_t kMaxMemories = 64;

// What is wrong with the points, or nothing.
std::string fault_of(const NoisePoints &points, std::span<const double> trained) {
  const auto &[sigmas, times] = points;
  if (!(sigmas.front() <= trained.back() * (1 + 1e-9)))
    return fmt::format("begins at the noise level {}, above the model's {}", sigmas.front(),
                       trained.back());
  for (size_t i = 0; i < times.size(); ++i) {
    if (!std::isfinite(sigmas[i]) || !(sigmas[i] > sigmas[i + 1]))
      return fmt::format("goes from the noise level {} to {} in step {}, expected a lower one",
                         sigmas[i], sigmas[i + 1], i);
    if (!(times[i] >= 0 && times[i] <= static_cast<double>(trained.size() - 1)))
      return fmt::format("asks the model at time {} in step {}, expected 0 to {}", times[i], i,
                         trained.size() - 1);
  }
  if (!(sigmas.back() >= 0)) return fmt::format("ends at the noise level {}", sigmas.back());
  return {};
}

}  // namespace

Error PluginSampler::broken(std::string_view what) const {
  return plugin_error(fmt::format("{}: the sampler {}", plugin_id_, what),
                      "use another version of the plugin, or tell its author");
}

Result<PluginSampler> PluginSampler::create(const flame_sampler_interface &table,
                                            std::string plugin_id, std::string_view component,
                                            const AttributeList &options) {
  flame_sampler *made = nullptr;
  {
    CallScope scope(plugin_id, "flame.sampler/1 create");
    FLAME_TRY(scope.finish(
        table.create(scope.call(), flame_text(component), options.data(), options.size(), &made)));
  }
  PluginSampler sampler(std::move(plugin_id), Handle(made, {&table}));
  if (!made) return sampler.broken("was created, but is a null pointer");
  sampler.memory_count_ = table.memory_count(made);
  sampler.uses_noise_ = table.uses_noise(made) != 0;
  if (sampler.memory_count_ > kMaxMemories)
    return sampler.broken(
        fmt::format("keeps {} tensors, expected at most {}", sampler.memory_count_, kMaxMemories));
  return sampler;
}

Result<NoisePoints> PluginSampler::levels(uint32_t steps, std::span<const double> trained) const {
  NoisePoints points{std::vector<double>(size_t{steps} + 1, NAN), std::vector<double>(steps, NAN)};
  const flame_noise_levels levels{sizeof levels, static_cast<uint32_t>(trained.size()),
                                  trained.data()};
  CallScope scope(plugin_id_, "flame.sampler/1 levels");
  FLAME_TRY(scope.finish(table().levels(handle_.get(), scope.call(), steps, &levels,
                                        points.sigmas.data(), points.times.data())));
  const std::string fault = fault_of(points, trained);
  if (!fault.empty()) return broken(fault);
  return points;
}

Result<SamplerStepOutputs> PluginSampler::build(ProgramBuilder &builder,
                                                const SamplerStepInputs &inputs) const {
  std::vector<flame_value> new_memories(memory_count_, 0);
  flame_sampler_step step{};
  step.struct_size = sizeof(step);
  step.sample = inputs.sample;
  step.denoised = inputs.denoised;
  step.noise = inputs.noise;
  step.sigma = inputs.sigma;
  step.next_sigma = inputs.next_sigma;
  step.index = inputs.index;
  step.memory_count = memory_count_;
  step.memories = inputs.memories.data();
  step.new_memories = new_memories.data();
  step.previous_sigma = inputs.previous_sigma;
  step.time = inputs.time;
  BuilderBridge bridge(builder);
  CallScope scope(plugin_id_, "flame.sampler/1 build");
  FLAME_TRY(scope.finish(table().build(handle_.get(), scope.call(), bridge.table(), &step)));
  FLAME_TRY(builder.status());
  builder.set_source("", 0);
  const auto like_sample = [&](ValueId made, std::string_view what) -> Status {
    if (!builder.has(made)) return broken(fmt::format("gives no value as its {}", what));
    if (builder.type_of(made) == builder.type_of(inputs.sample)) return {};
    return broken(fmt::format("gives its {} as {}, expected {}", what, builder.type_of(made).text(),
                              builder.type_of(inputs.sample).text()));
  };
  FLAME_TRY(like_sample(step.next_sample, "next sample"));
  for (const flame_value made : new_memories) FLAME_TRY(like_sample(made, "memory"));
  return SamplerStepOutputs{step.next_sample, {new_memories.begin(), new_memories.end()}};
}

}  // namespace flame
