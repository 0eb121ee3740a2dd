/* A sampler turns noise into a latent: it chooses the noise levels and builds the program of one
 * step.
 *
 * A noise level σ counts noise in units where the clean latent has scale 1: sample = clean + σ ·
 * noise. What a model is given instead, such as a sample scaled to variance 1, is the host's affair. */
#ifndef FLAME_SAMPLER_H
#define FLAME_SAMPLER_H

#include "flame/program.h"

FLAME_BEGIN_C

typedef struct flame_sampler flame_sampler;

/* The noise levels that a model was trained on. Valid until the call returns. */
typedef struct flame_noise_levels {
  uint32_t struct_size;
  uint32_t count;       /* at least 2 */
  const double *sigmas; /* finite and rising; sigmas[i] is the level of time i */
} flame_noise_levels;

#define FLAME_SAMPLER_ID "flame.sampler/1"

/* Values of one step's program. Valid until the call returns. */
typedef struct flame_sampler_step {
  uint32_t struct_size;
  flame_value sample;   /* at noise level `sigma`, in units where the clean latent has scale 1 */
  flame_value denoised; /* the model's estimate of the clean latent */
  flame_value noise; /* fresh standard normal noise of the sample's shape; 0 if uses_noise says 0 */
  flame_value sigma; /* scalar */
  flame_value next_sigma; /* scalar; at the last step the last level, mostly 0 */
  flame_value index;      /* scalar i64: 0 at the first step */
  uint32_t memory_count;
  const flame_value *memories; /* what the step before kept (sample's shape), zeros at the first */
  /* Written by the plugin. */
  flame_value next_sample;
  uint32_t reserved;          /* zero */
  flame_value *new_memories;  /* room for memory_count */
  flame_value previous_sigma; /* scalar; the sigma of the step before, 0 at the first */
  flame_value time;           /* scalar: what `levels` gave for this step */
} flame_sampler_step;

typedef struct flame_sampler_interface {
  uint32_t struct_size;
  uint32_t reserved; /* zero */
  /* `options` are the component's, with defaults filled in. *out ends with destroy. Errors:
   * INVALID_ARGUMENT. [any] */
  flame_status (*create)(flame_call *call, flame_str component, const flame_attribute *options,
                         uint32_t option_count, flame_sampler **out) FLAME_NOEXCEPT;
  void (*destroy)(flame_sampler *sampler) FLAME_NOEXCEPT;
  /* Writes steps + 1 noise levels, falling, from at most the highest trained one; the last, at which
   * the picture is taken, is 0 or a trained one. And `steps` times, at which the model is asked: they
   * fall too, lie between 0 and count - 1, and need not be whole. [object-serial] */
  flame_status (*levels)(flame_sampler *sampler, flame_call *call, uint32_t steps,
                         const flame_noise_levels *trained, double *sigmas,
                         double *times) FLAME_NOEXCEPT;
  /* How many tensors a step keeps for the next, and whether (0 or 1) it draws noise.
   * [object-serial] */
  uint32_t (*memory_count)(flame_sampler *sampler) FLAME_NOEXCEPT;
  uint32_t (*uses_noise)(flame_sampler *sampler) FLAME_NOEXCEPT;
  /* Builds one step. [object-serial] */
  flame_status (*build)(flame_sampler *sampler, flame_call *call,
                        const flame_program_builder *builder,
                        flame_sampler_step *step) FLAME_NOEXCEPT;
} flame_sampler_interface;

FLAME_END_C

#endif
