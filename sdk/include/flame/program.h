/* The program builder: how a model, an adapter, an optimizer or a sampler describes computation. A
 * program names no device and holds no data; the host differentiates, plans and runs it on any
 * backend. */
#ifndef FLAME_PROGRAM_H
#define FLAME_PROGRAM_H

#include "flame/attribute.h"
#include "flame/call.h"
#include "flame/tensor.h"

FLAME_BEGIN_C

/* A value of the program that is being built; 0 is no value. Valid with its builder alone. */
typedef uint32_t flame_value;

#define FLAME_PARAMETER_FROZEN 0u    /* read from weights, never trained */
#define FLAME_PARAMETER_TRAINABLE 1u /* trained if the run wants it */

/* How the elements of a trainable parameter start. */
#define FLAME_INITIAL_CONSTANT 0u /* each is `scale` */
#define FLAME_INITIAL_UNIFORM 1u  /* drawn from -scale to scale */
#define FLAME_INITIAL_NORMAL 2u   /* drawn around 0 with the deviation scale */

/* One op to add. Valid until the call returns. */
typedef struct flame_node {
  uint32_t struct_size;
  uint32_t input_count;
  uint32_t output_count;
  uint32_t attribute_count;
  flame_str name; /* from the catalogue (docs/ops.md), or a scalar function of `map`: "silu" */
  const flame_value *inputs;         /* optional ones may be left out from the end */
  const flame_attribute *attributes; /* those that differ from their defaults, in any order */
  flame_str file; /* where the plugin's source added it, for messages; may be empty */
  uint32_t line;
  uint32_t reserved; /* zero */
} flame_node;

/* Made by the host for one program and handed to the plugin; valid until that call returns. Every
 * function is [object-serial] in `self`. Errors are INVALID_ARGUMENT and name the op, its place and
 * its scope; a builder that has failed once answers every further call with the same error. */
typedef struct flame_program_builder {
  uint32_t struct_size;
  uint32_t reserved; /* zero */
  void *self;
  /* A tensor that is given at each run. Names are unique among inputs. */
  flame_status (*input)(void *self, flame_call *call, flame_str name, flame_dtype dtype,
                        uint32_t rank, const int64_t *shape, flame_value *out) FLAME_NOEXCEPT;
  /* A tensor with a name in the weights, under the scopes that are open. Asking again for a name
   * gives the same value; another type, shape or use is an error. */
  flame_status (*parameter)(void *self, flame_call *call, flame_str name, uint32_t use,
                            flame_dtype dtype, uint32_t rank, const int64_t *shape,
                            flame_value *out) FLAME_NOEXCEPT;
  /* Adds an op. Its node->output_count values are written to `outputs`. */
  flame_status (*op)(void *self, flame_call *call, const flame_node *node,
                     flame_value *outputs) FLAME_NOEXCEPT;
  /* Makes a value an answer of the program. Names are unique among outputs. */
  flame_status (*output)(void *self, flame_call *call, flame_str name,
                         flame_value value) FLAME_NOEXCEPT;
  /* The type and shape of a value; data is null, strides are contiguous. The arrays live as long as
   * the builder. */
  flame_status (*describe)(void *self, flame_call *call, flame_value value,
                           flame_tensor *out) FLAME_NOEXCEPT;
  /* Opens and closes a part with a name ("down_blocks.1"): it prefixes the names of parameters and
   * places ops. */
  flame_status (*push_scope)(void *self, flame_call *call, flame_str name) FLAME_NOEXCEPT;
  flame_status (*pop_scope)(void *self, flame_call *call) FLAME_NOEXCEPT;
  /* How a trainable parameter starts where no file says it; a constant 0 if this is never called.
   * `scale` is finite. The host draws, by the parameter's name and the run's seed. */
  flame_status (*start)(void *self, flame_call *call, flame_value parameter, uint32_t initial,
                        double scale) FLAME_NOEXCEPT;
} flame_program_builder;

FLAME_END_C

#endif
