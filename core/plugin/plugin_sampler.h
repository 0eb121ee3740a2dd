// A sampler of a plugin: the noise levels that it visits, and its step as ops of a program.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/plugin/attribute_list.h"
#include "core/program/program_builder.h"
#include "flame/sampler.h"

namespace flame {

// Where a sampler goes: one noise level more than there are steps, and the time of each step.
struct NoisePoints {
  std::vector<double> sigmas;
  std::vector<double> times;
};

// The values that one step starts from and ends with; see flame_sampler_step.
struct SamplerStepInputs {
  ValueId sample = 0;
  ValueId denoised = 0;  // of the sample's type
  ValueId noise = 0;     // 0 if the sampler uses none
  ValueId sigma = 0;     // scalars of the sample's type
  ValueId next_sigma = 0;
  ValueId previous_sigma = 0;
  ValueId time = 0;
  ValueId index = 0;  // scalar i64
  std::vector<ValueId> memories;
};
struct SamplerStepOutputs {
  ValueId sample = 0;
  std::vector<ValueId> memories;
};

// Owns the plugin's object; the plugin stays started as long as this lives. One thread at a time.
class PluginSampler {
 public:
  // `options` are the component's with defaults filled in. Errors: the plugin's own, or kBadPlugin
  // that says how it breaks flame/sampler.h.
  static Result<PluginSampler> create(const flame_sampler_interface &table, std::string plugin_id,
                                      std::string_view component, const AttributeList &options);

  // How many tensors a step keeps for the next.
  uint32_t memory_count() const { return memory_count_; }
  bool uses_noise() const { return uses_noise_; }

  // For a model that was trained at `trained` levels, which rise, at least two. What the plugin
  // gives falls and lies within them, or it is an error.
  Result<NoisePoints> levels(uint32_t steps, std::span<const double> trained) const;

  // Adds one step to the builder. What the plugin gives is like the sample, or it is an error.
  Result<SamplerStepOutputs> build(ProgramBuilder &builder, const SamplerStepInputs &inputs) const;

 private:
  struct Destroy {
    const flame_sampler_interface *table;
    void operator()(flame_sampler *sampler) const { table->destroy(sampler); }
  };
  using Handle = std::unique_ptr<flame_sampler, Destroy>;

  PluginSampler(std::string plugin_id, Handle handle)
      : plugin_id_(std::move(plugin_id)), handle_(std::move(handle)) {}

  const flame_sampler_interface &table() const { return *handle_.get_deleter().table; }
  Error broken(std::string_view what) const;

  std::string plugin_id_;
  Handle handle_;
  uint32_t memory_count_ = 0;
  bool uses_noise_ = false;
};

}  // namespace flame
