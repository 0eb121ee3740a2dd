/* A sampler turns noise into a latent: it chooses the noise levels and builds the program of one
 * step. */
#ifndef FLAME_SAMPLER_H
#define FLAME_SAMPLER_H

#include "flame/program.h"

FLAME_BEGIN_C

typedef struct flame_sampler flame_sampler;

#define FLAME_SAMPLER_ID "flame.sampler/1"

/* Values of one step's program. Valid until the call returns. */
typedef struct flame_sampler_step {
  uint32_t struct_size;
  flame_value sample;   /* at noise level `sigma`, in units where the clean latent has scale 1 */
  flame_value denoised; /* the model's estimate of the clean latent */
  flame_value noise; /* fresh standard normal noise of the sample's shape; 0 if uses_noise says 0 */
  flame_value sigma; /* scalar */
  flame_value next_sigma; /* scalar; 0 at the last step */
  flame_value index;      /* scalar i64: 0 at the first step */
  uint32_t memory_count;
  const flame_value *memories; /* what the step before kept (sample's shape), zeros at the first */
  /* Written by the plugin. */
  flame_value next_sample;
  uint32_t reserved;         /* zero */
  flame_value *new_memories; /* room for memory_count */
} flame_sampler_step;

typedef struct flame_sampler_interface {
  uint32_t struct_size;
  uint32_t reserved; /* zero */
  /* `options` are the component's, with defaults filled in. *out ends with destroy. Errors:
   * INVALID_ARGUMENT. [any] */
  flame_status (*create)(flame_call *call, flame_str component, const flame_attribute *options,
                         uint32_t option_count, flame_sampler **out) FLAME_NOEXCEPT;
  void (*destroy)(flame_sampler *sampler) FLAME_NOEXCEPT;
  /* Writes steps + 1 noise levels to `out`, falling, from at most `maximum`, the last 0.
   * [object-serial] */
  flame_status (*levels)(flame_sampler *sampler, flame_call *call, uint32_t steps, double minimum,
                         double maximum, double *out) FLAME_NOEXCEPT;
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
