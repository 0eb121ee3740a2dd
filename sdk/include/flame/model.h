/* A model describes programs: their inputs, parameters and outputs. It holds no weights and touches
 * no device. */
#ifndef FLAME_MODEL_H
#define FLAME_MODEL_H

#include "flame/program.h"

FLAME_BEGIN_C

typedef struct flame_model flame_model;

#define FLAME_MODEL_ID "flame.model/1"

typedef struct flame_model_interface {
  uint32_t struct_size;
  uint32_t reserved; /* zero */
  /* `options` are the component's, with defaults filled in. *out ends with destroy. Errors:
   * INVALID_ARGUMENT. [any] */
  flame_status (*create)(flame_call *call, flame_str component, const flame_attribute *options,
                         uint32_t option_count, flame_model **out) FLAME_NOEXCEPT;
  void (*destroy)(flame_model *model) FLAME_NOEXCEPT;
  /* The name of program `index` ("unet"), or END behind the last. The text lives as long as the
   * model. [object-serial] */
  flame_status (*program_name)(flame_model *model, flame_call *call, uint32_t index,
                               flame_str *out) FLAME_NOEXCEPT;
  /* Builds a program for the given sizes ("batch", "height", …; INT). The same sizes give the same
   * program. [object-serial] */
  flame_status (*build)(flame_model *model, flame_call *call, flame_str program,
                        const flame_attribute *sizes, uint32_t size_count,
                        const flame_program_builder *builder) FLAME_NOEXCEPT;
} flame_model_interface;

FLAME_END_C

#endif
