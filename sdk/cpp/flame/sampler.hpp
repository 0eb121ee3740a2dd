// A sampler: one class that chooses noise levels and builds the program of one step.
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "flame/component.hpp"
#include "flame/program.hpp"
#include "flame/sampler.h"

namespace flame {
inline namespace sdk {

// The noise levels that a model was trained on: level σ belongs to time 0, 1, ….
class NoiseLevels {
 public:
  NoiseLevels(const double *sigmas, size_t count) : sigmas_(sigmas), count_(count) {}

  size_t count() const { return count_; }
  double lowest() const { return sigmas_[0]; }
  double highest() const { return sigmas_[count_ - 1]; }

  // The level at a time, on straight lines between the trained ones.
  double sigma_at(double time) const {
    const size_t below = std::min(static_cast<size_t>(std::max(time, 0.0)), count_ - 2);
    const double part = std::min(time - static_cast<double>(below), 1.0);
    return sigmas_[below] + part * (sigmas_[below + 1] - sigmas_[below]);
  }

  // The time of a level, on straight lines between the logarithms of the trained ones.
  double time_of(double sigma) const {
    const double *above = std::upper_bound(sigmas_ + 1, sigmas_ + count_ - 1, sigma);
    const double low = std::log(std::max(above[-1], 1e-10));
    const double part = (std::log(std::max(sigma, 1e-10)) - low) / (std::log(above[0]) - low);
    return static_cast<double>(above - sigmas_ - 1) + std::clamp(part, 0.0, 1.0);
  }

 private:
  const double *sigmas_;
  size_t count_;
};

struct NoisePoints {
  std::vector<double> sigmas;  // one more than there are steps
  std::vector<double> times;
};

// The values that one step starts from; see flame_sampler_step.
struct SamplerInputs {
  Value sample;      // at noise level sigma
  Value denoised;    // the model's estimate of the clean latent
  Value noise;       // no value unless uses_noise()
  Value sigma;       // scalar
  Value next_sigma;  // scalar; at the last step the last level, mostly 0
  Value index;       // scalar i64: 0 at the first step
  std::vector<Value> memories;
  Value previous_sigma;  // scalar; 0 at the first step
  Value time;            // scalar: what levels() gave for this step
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

  // steps + 1 noise levels, falling, the last 0 or a trained one, and the times of the steps.
  virtual NoisePoints levels(uint32_t steps, const NoiseLevels &trained) = 0;
  virtual SamplerOutputs build(Program &program, const SamplerInputs &inputs) = 0;

  // How many tensors a step keeps for the next.
  virtual uint32_t memory_count() const noexcept { return 0; }
  virtual bool uses_noise() const noexcept { return false; }
};

namespace detail {

struct SamplerTable : Lifetime<Sampler, flame_sampler> {
  static flame_status levels(flame_sampler *handle, flame_call *call, uint32_t steps,
                             const flame_noise_levels *trained, double *sigmas,
                             double *times) noexcept {
    return guard(call, [&] {
      const NoiseLevels known(trained->sigmas, trained->count);
      const NoisePoints points = object(handle)->levels(steps, known);
      if (points.sigmas.size() != size_t{steps} + 1 || points.times.size() != steps) {
        throw failed("the sampler gave ", points.sigmas.size(), " noise levels and ",
                     points.times.size(), " times for ", steps, " steps");
      }
      std::copy(points.sigmas.begin(), points.sigmas.end(), sigmas);
      std::copy(points.times.begin(), points.times.end(), times);
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
                              {},
                              Value(builder, step->previous_sigma),
                              Value(builder, step->time)};
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
