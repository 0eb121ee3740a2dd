/* Optional, of models: where the parameters of a model stand in the files that people have. The host
 * reads and writes the files; the model knows their names. A model without this interface has its
 * parameters in files under their own names and in their own shapes. */
#ifndef FLAME_WEIGHTS_H
#define FLAME_WEIGHTS_H

#include "flame/model.h"

FLAME_BEGIN_C

#define FLAME_WEIGHTS_ID "flame.weights/1"

/* A way in which files hold this model. Filled by the plugin, no further than struct_size. Text and
 * arrays live as long as the model. */
typedef struct flame_layout {
  uint32_t struct_size;
  uint32_t prefix_count;
  uint32_t ignored_count;
  uint32_t reserved; /* zero */
  flame_str name;    /* "diffusers", "ldm" */
  flame_str summary; /* half a line: "single-file checkpoints" */
  const flame_str
      *prefixes;            /* what may stand before every key, as in files that hold more than this
                              * model; the first is written, an empty one is no prefix. At least one */
  const flame_str *ignored; /* keys, less the prefix, that files may hold and nothing reads:
                              * "logit_scale"; '*' stands for any letters */
} flame_layout;

/* What to read for one parameter. Filled by the plugin, no further than struct_size. Text and arrays
 * live until the next call for the same model.
 *
 * The rows first_row … first_row + row_count − 1 of the file's tensor (of axis 0; of a tensor without
 * axes, first_row is 0 and row_count 1) are taken, their axes put in the order `axes` (axis i of the
 * result is axis axes[i] of the tensor), and the elements, in that order, are the parameter's. */
typedef struct flame_weight_source {
  uint32_t struct_size;
  uint32_t rank;        /* of the tensor in the file */
  flame_str key;        /* less the prefix */
  const int64_t *shape; /* of the tensor in the file */
  const uint32_t *axes;
  int64_t first_row;
  int64_t row_count;
} flame_weight_source;

typedef struct flame_weights_interface {
  uint32_t struct_size;
  uint32_t reserved; /* zero */
  /* Layout `index`, or END behind the last. [object-serial] */
  flame_status (*describe_layout)(flame_model *model, flame_call *call, uint32_t index,
                                  flame_layout *out) FLAME_NOEXCEPT;
  /* Where layout `index` holds a parameter of any program of the model. Several parameters may
   * share one tensor; together they cover it. Errors: NOT_FOUND for a name that is no parameter.
   * [object-serial] */
  flame_status (*source)(flame_model *model, flame_call *call, uint32_t index, flame_str parameter,
                         flame_weight_source *out) FLAME_NOEXCEPT;
} flame_weights_interface;

FLAME_END_C

#endif
