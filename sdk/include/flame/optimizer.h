/* An optimizer is a program over flat buffers: parameter, gradient and states in, parameter and
 * states out. */
#ifndef FLAME_OPTIMIZER_H
#define FLAME_OPTIMIZER_H

#include "flame/program.h"

FLAME_BEGIN_C

typedef struct flame_optimizer flame_optimizer;

#define FLAME_OPTIMIZER_ID "flame.optimizer/1"

/* Filled by the plugin, no further than struct_size. Text lives as long as the optimizer. */
typedef struct flame_state_info {
  uint32_t struct_size;
  flame_dtype dtype; /* 0: that of the parameter's master copy */
  flame_str name;    /* "exp_avg" */
  double initial;    /* the value of every element before the first step */
} flame_state_info;

/* Values of the step's program. Valid until the call returns. */
typedef struct flame_update {
  uint32_t struct_size;
  flame_value parameter;     /* [n], the master copy */
  flame_value gradient;      /* [n] */
  flame_value step;          /* scalar i64: 1 in the first step */
  flame_value learning_rate; /* scalar of the parameter's type */
  uint32_t state_count;
  const flame_value *states; /* [n] each, in the order of describe_state */
  /* Written by the plugin. */
  flame_value new_parameter;
  uint32_t reserved;       /* zero */
  flame_value *new_states; /* room for state_count */
} flame_update;

typedef struct flame_optimizer_interface {
  uint32_t struct_size;
  uint32_t reserved; /* zero */
  /* `options` are the component's, with defaults filled in. *out ends with destroy. Errors:
   * INVALID_ARGUMENT. [any] */
  flame_status (*create)(flame_call *call, flame_str component, const flame_attribute *options,
                         uint32_t option_count, flame_optimizer **out) FLAME_NOEXCEPT;
  void (*destroy)(flame_optimizer *optimizer) FLAME_NOEXCEPT;
  /* State `index`, or END behind the last. [object-serial] */
  flame_status (*describe_state)(flame_optimizer *optimizer, flame_call *call, uint32_t index,
                                 flame_state_info *out) FLAME_NOEXCEPT;
  /* Builds one step. [object-serial] */
  flame_status (*build)(flame_optimizer *optimizer, flame_call *call,
                        const flame_program_builder *builder, flame_update *update) FLAME_NOEXCEPT;
} flame_optimizer_interface;

FLAME_END_C

#endif
