// A sampler: one class that chooses noise levels and builds the program of one step.
#pragma once

#include <algorithm>
#include <vector>

#include "flame/component.hpp"
#include "flame/program.hpp"
#include "flame/sampler.h"

namespace flame {
inline namespace sdk {

// The values that one step starts from; see flame_sampler_step.
struct SamplerInputs {
  Value sample;      // at noise level sigma
  Value denoised;    // the model's estimate of the clean latent
  Value noise;       // no value unless uses_noise()
  Value sigma;       // scalar
  Value next_sigma;  // scalar; 0 at the last step
  Value index;       // scalar i64: 0 at the first step
  std::vector<Value> memories;
};

struct SamplerOutputs {
  Value sample;                 // at noise level next_sigma
  std::vector<Value> memories;  // memory_count() of them
};

// The host asks one thread at a time for each object.
class Sampler {
 public:
  static constexpr const char *kKind = FLAME_KIND_SAMPLER;
  virtual ~Sampler() = default;

  // steps + 1 noise levels, falling, from at most `maximum`, the last 0.
  virtual std::vector<double> levels(uint32_t steps, double minimum, double maximum) = 0;
  virtual SamplerOutputs build(Program &program, const SamplerInputs &inputs) = 0;

  // How many tensors a step keeps for the next.
  virtual uint32_t memory_count() const noexcept { return 0; }
  virtual bool uses_noise() const noexcept { return false; }
};

namespace detail {

struct SamplerTable : Lifetime<Sampler, flame_sampler> {
  static flame_status levels(flame_sampler *handle, flame_call *call, uint32_t steps,
                             double minimum, double maximum, double *out) noexcept {
    return guard(call, [&] {
      const std::vector<double> levels = object(handle)->levels(steps, minimum, maximum);
      if (levels.size() != size_t{steps} + 1) {
        throw failed("the sampler gave ", levels.size(), " noise levels for ", steps, " steps");
      }
      std::copy(levels.begin(), levels.end(), out);
    });
  }
  static uint32_t memory_count(flame_sampler *handle) noexcept {
    return object(handle)->memory_count();
  }
  static uint32_t uses_noise(flame_sampler *handle) noexcept {
    return object(handle)->uses_noise() ? 1 : 0;
  }
  static flame_status build(flame_sampler *handle, flame_call *call,
                            const flame_program_builder *builder,
                            flame_sampler_step *step) noexcept {
    return guard(call, [&] {
      Program program(builder);
      SamplerInputs inputs = {Value(builder, step->sample),
                              Value(builder, step->denoised),
                              Value(builder, step->noise),
                              Value(builder, step->sigma),
                              Value(builder, step->next_sigma),
                              Value(builder, step->index),
                              {}};
      for (uint32_t i = 0; i < step->memory_count; ++i) {
        inputs.memories.emplace_back(builder, step->memories[i]);
      }
      const SamplerOutputs outputs = object(handle)->build(program, inputs);
      if (outputs.memories.size() != step->memory_count) {
        throw failed("the step kept ", outputs.memories.size(), " tensors, but memory_count is ",
                     step->memory_count);
      }
      step->next_sample = outputs.sample.id();
      for (uint32_t i = 0; i < step->memory_count; ++i) {
        step->new_memories[i] = outputs.memories[i].id();
      }
    });
  }
  static constexpr flame_sampler_interface kTable = {
      sizeof(flame_sampler_interface), 0, create, destroy, levels, memory_count, uses_noise, build};
};

}  // namespace detail
}  // namespace sdk
}  // namespace flame
