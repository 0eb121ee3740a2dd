/* An exporter writes trained parameters, or a picture, as a file that other programs read.
 *
 * A picture is a set of one tensor, "picture": [height, width, channels] with 1, 3 or 4 channels, U8,
 * or floats from 0 to 1.
 *
 * A low-rank adapter is a set of three tensors for each layer that it changes:
 *   PART/LAYER.lora_down.weight  [rank, in], or [rank, in, height, width] of a convolution
 *   PART/LAYER.lora_up.weight    [out, rank], or [out, rank, 1, 1]
 *   PART/LAYER.alpha             a scalar: the change is alpha / rank · up · down
 * PART is the model's place: "unet", "transformer", "text_encoder", "text_encoder_2"; LAYER is the name
 * of the layer's weight without ".weight", in the layout that layer_layout says.
 *
 * A whole model is a set of tensors with the names and shapes of files, which begin with "model:". */
#ifndef FLAME_EXPORTER_H
#define FLAME_EXPORTER_H

#include "flame/attribute.h"
#include "flame/host.h"

FLAME_BEGIN_C

typedef struct flame_exporter flame_exporter;

#define FLAME_EXPORTER_ID "flame.exporter/1"

typedef struct flame_exporter_interface {
  uint32_t struct_size;
  uint32_t reserved; /* zero */
  /* `options` are the component's, with defaults filled in. *out ends with destroy. Errors:
   * INVALID_ARGUMENT. [any] */
  flame_status (*create)(flame_call *call, flame_str component, const flame_attribute *options,
                         uint32_t option_count, flame_exporter **out) FLAME_NOEXCEPT;
  void (*destroy)(flame_exporter *exporter) FLAME_NOEXCEPT;
  /* Can these parameters be written? Pure. Errors: UNSUPPORTED, which names those that cannot.
   * [object-serial] */
  flame_status (*check)(flame_exporter *exporter, flame_call *call,
                        const flame_parameters *parameters) FLAME_NOEXCEPT;
  /* Writes them through flame.files/1, whole or not at all. `facts` are STRING values for the
   * file's metadata (base model, steps, …). Errors: UNSUPPORTED, NUMERIC, STORAGE.
   * [object-serial] */
  flame_status (*write)(flame_exporter *exporter, flame_call *call,
                        const flame_parameters *parameters, const flame_attribute *facts,
                        uint32_t fact_count) FLAME_NOEXCEPT;
  /* The layout (flame/weights.h) in which the layers of a part are named for this exporter; empty for
   * the names of the model's programs, as where this function is missing or null. Pure; the text
   * lives as long as the exporter. [object-serial] */
  flame_status (*layer_layout)(flame_exporter *exporter, flame_call *call, flame_str part,
                               flame_str *out) FLAME_NOEXCEPT;
} flame_exporter_interface;

FLAME_END_C

#endif
