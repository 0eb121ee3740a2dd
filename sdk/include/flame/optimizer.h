/* An optimizer is a program over flat buffers: parameter, gradient and states in, parameter and
 * states out. */
#ifndef FLAME_OPTIMIZER_H
#define FLAME_OPTIMIZER_H

#include "flame/program.h"

FLAME_BEGIN_C

typedef struct flame_optimizer flame_optimizer;

#define FLAME_OPTIMIZER_ID "flame.optimizer/1"

/* The buffers of a group hold a multiple of this many elements. */
#define FLAME_GROUP_MULTIPLE 256

/* How large a state is. */
#define FLAME_STATE_PER_ELEMENT 0u /* [n], one number for each of the parameter's */
#define FLAME_STATE_SIZED 1u       /* [k] of each group; k is what state_size says */
#define FLAME_STATE_SHARED 2u      /* a scalar, one for all groups that the optimizer steps */

/* Filled by the plugin, no further than struct_size. Text lives as long as the optimizer. */
typedef struct flame_state_info {
  uint32_t struct_size;
  flame_dtype dtype; /* 0: that of the parameter's master copy */
  flame_str name;    /* "exp_avg" */
  double initial;    /* the value of every element before the first step */
  uint32_t extent;   /* FLAME_STATE_…; 0 of a plugin that leaves it out */
  uint32_t reserved; /* zero */
} flame_state_info;

/* One tensor of the model within a group's flat buffers, in row-major order. Frozen. */
typedef struct flame_slice {
  int64_t offset; /* of its first element */
  const int64_t *shape;
  uint32_t rank;
  uint32_t reserved; /* zero */
} flame_slice;

/* What stands where in a group's buffers. The elements between and behind the slices are 0 in
 * parameter and gradient. Valid until the call returns. */
typedef struct flame_group {
  uint32_t struct_size;
  uint32_t slice_count;
  int64_t size;              /* n: elements of the buffers, a multiple of FLAME_GROUP_MULTIPLE */
  const flame_slice *slices; /* in the order of their offsets */
} flame_group;

/* Values of the step's program. Valid until the call returns. */
typedef struct flame_update {
  uint32_t struct_size;
  flame_value parameter;     /* [n], the master copy */
  flame_value gradient;      /* [n] */
  flame_value step;          /* scalar i64: 1 in the first step */
  flame_value learning_rate; /* scalar of the parameter's type */
  uint32_t state_count;
  const flame_value *states; /* [n], [k] or a scalar, in the order of describe_state */
  /* Written by the plugin. */
  flame_value new_parameter;
  uint32_t reserved;       /* zero */
  flame_value *new_states; /* room for state_count */
  /* Given by the host. */
  const flame_group *group;
  struct flame_update *next; /* of the next group, or null; not null only for an optimizer with a
                              * shared state, whose groups all step in one call. A shared state is
                              * the same value in each of them, and what replaces it is too. */
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
  /* The elements of the FLAME_STATE_SIZED state `index` for a group, at least 1. Pure; may be null
   * or missing if there is no such state. [object-serial] */
  flame_status (*state_size)(flame_optimizer *optimizer, flame_call *call, uint32_t index,
                             const flame_group *group, int64_t *out) FLAME_NOEXCEPT;
} flame_optimizer_interface;

FLAME_END_C

#endif
