/* An adapter changes chosen layers of a model (LoRA, for example). The host finds the layers, the
 * adapter says what stands there instead, in a program; it never sees the model. */
#ifndef FLAME_ADAPTER_H
#define FLAME_ADAPTER_H

#include "flame/program.h"

FLAME_BEGIN_C

typedef struct flame_adapter flame_adapter;

#define FLAME_ADAPTER_ID "flame.adapter/1"

/* What an adapter draws random numbers with in a program that learns, by the op random. */
typedef struct flame_layer_draw {
  uint32_t struct_size;
  uint32_t stream;      /* of this layer alone, in every program of a training */
  flame_value seed;     /* of the run; i64, a scalar */
  flame_value counter;  /* the number of the micro-batch; i64, a scalar */
  flame_value learning; /* f32, a scalar: 1 in a step that learns, 0 where the program only answers,
                           as for a validation: nothing is to be left out then */
  uint32_t reserved;    /* zero */
} flame_layer_draw;

/* A layer that may be adapted: a "linear" or "conv2d" op with its values. Valid until the call
 * returns. */
typedef struct flame_layer {
  uint32_t struct_size;
  uint32_t attribute_count;
  flame_str name; /* of its weight, without ".weight": "down_blocks.1.attn.to_q" */
  flame_str op;
  flame_value input;
  flame_value weight;
  flame_value output; /* of the layer as it is */
  uint32_t reserved;  /* zero */
  const flame_attribute *attributes;
  /* Null in programs that never learn, such as those that draw. */
  const flame_layer_draw *draw;
} flame_layer;

typedef struct flame_adapter_interface {
  uint32_t struct_size;
  uint32_t reserved; /* zero */
  /* `options` are the component's, with defaults filled in. *out ends with destroy. Errors:
   * INVALID_ARGUMENT. [any] */
  flame_status (*create)(flame_call *call, flame_str component, const flame_attribute *options,
                         uint32_t option_count, flame_adapter **out) FLAME_NOEXCEPT;
  void (*destroy)(flame_adapter *adapter) FLAME_NOEXCEPT;
  /* Builds what replaces layer->output and writes it to *out; its own parameters are TRAINABLE and
   * named under the layer's scope, which the host has opened. *out = layer->output leaves the layer
   * alone. [object-serial] */
  flame_status (*adapt)(flame_adapter *adapter, flame_call *call, const flame_layer *layer,
                        const flame_program_builder *builder, flame_value *out) FLAME_NOEXCEPT;
} flame_adapter_interface;

FLAME_END_C

#endif
