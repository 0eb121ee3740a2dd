/* A data source gives examples: a fixed number of them, each a set of named fields, in as many
 * variants as it has crops, flips and captions. The host chooses order and variants.
 *
 * Fields that the host knows, each of its own name:
 *   "image"      U8 [height, width, 3], RGB: upright, resized and cropped, ready for the model. Its
 *                shape is the same for every draw; examples of one shape can stand in one batch, so
 *                the source's sizes are the host's buckets.
 *   "mask"       U8 [height, width, 1], as large as the image: how much of the loss counts there,
 *                0 to 255. Only if there is one.
 *   "placement"  F32 [6]: height and width of the original picture; top and left of what was cut
 *                away, in pixels of the resized picture (left as it is after the flip); height and
 *                width of the image. SDXL is told these numbers.
 *   "caption"    text.
 *   "source"     text: where the example comes from ("photos/a.png"), for messages. */
#ifndef FLAME_DATA_SOURCE_H
#define FLAME_DATA_SOURCE_H

#include "flame/attribute.h"
#include "flame/call.h"
#include "flame/tensor.h"

FLAME_BEGIN_C

typedef struct flame_data_source flame_data_source;

#define FLAME_DATA_SOURCE_ID "flame.data/1"

/* What an example is for the host. Filled by the plugin, no further than struct_size. */
typedef struct flame_example {
  uint32_t struct_size;
  uint32_t reserved;         /* zero */
  double repeats;            /* how often it stands in an epoch: finite, at least 0; 2.5 is legal */
  double loss_weight;        /* of its loss: finite, at least 0. Pictures of a regularisation folder
                                have another than the rest */
  uint64_t picture_variants; /* crops × flips: at least 1 */
  uint64_t caption_variants; /* at least 1; or 0, if every number gives another caption */
} flame_example;

/* Frozen. Which variant is read. The same draw gives the same fields in every run; fields that are
 * tensors depend on `picture` alone, fields that are text on `caption` alone. */
typedef struct flame_draw {
  uint64_t picture; /* below picture_variants */
  uint64_t caption; /* below caption_variants, or anything if that is 0 */
} flame_draw;

/* One field of one example. Filled by the plugin, no further than struct_size. Text and arrays live
 * until the next call for the same source. A field is text (dtype 0) or a tensor whose elements
 * read_field writes. */
typedef struct flame_field {
  uint32_t struct_size;
  flame_dtype dtype;
  flame_str name; /* "image", "caption" */
  flame_str text; /* of a field with dtype 0 */
  uint32_t rank;
  uint32_t reserved; /* zero */
  const int64_t *shape;
} flame_field;

/* Something that the user is told about the whole source: a table of sizes, a file that was left
 * out. Filled by the plugin, no further than struct_size. */
typedef struct flame_note {
  uint32_t struct_size;
  uint32_t severity; /* FLAME_LOG_INFO or FLAME_LOG_WARNING, see host.h */
  flame_str text;    /* one line, or several of a table; lives until the next call */
} flame_note;

typedef struct flame_data_source_interface {
  uint32_t struct_size;
  uint32_t reserved; /* zero */
  /* Finds the examples, without reading them. `options` are the component's, with defaults filled
   * in. *out ends with destroy. Errors: INVALID_ARGUMENT, STORAGE. [any] */
  flame_status (*create)(flame_call *call, flame_str component, const flame_attribute *options,
                         uint32_t option_count, flame_data_source **out) FLAME_NOEXCEPT;
  void (*destroy)(flame_data_source *source) FLAME_NOEXCEPT;
  uint64_t (*count)(flame_data_source *source) FLAME_NOEXCEPT; /* [object-serial] */
  /* What the example is; always the same. Decodes nothing. [object-serial] */
  flame_status (*describe_example)(flame_data_source *source, flame_call *call, uint64_t example,
                                   flame_example *out) FLAME_NOEXCEPT;
  /* A text that stands for the tensors of the example, in every run and with any options: the same
   * text and the same draw.picture mean the same elements. The host keys caches by it. A text that
   * the model reads needs none: it is its own. Lives until the next call for the same source.
   * Errors: STORAGE if the content cannot be read. [object-serial] */
  flame_status (*identity)(flame_data_source *source, flame_call *call, uint64_t example,
                           flame_str *out) FLAME_NOEXCEPT;
  /* Field `index` of an example, or END behind the last. The number of fields, their names, types
   * and shapes are the same for every draw; tells them without decoding. [object-serial] */
  flame_status (*describe_field)(flame_data_source *source, flame_call *call, uint64_t example,
                                 flame_draw draw, uint32_t index, flame_field *out) FLAME_NOEXCEPT;
  /* Writes the elements of a tensor field to `into`, contiguous memory of the processor with the
   * described type and shape. Errors: STORAGE, with the file's name, if this example cannot be read
   * (the host lists it and goes on with others, or stops, as the user wants). [object-serial] */
  flame_status (*read_field)(flame_data_source *source, flame_call *call, uint64_t example,
                             flame_draw draw, uint32_t index,
                             const flame_tensor *into) FLAME_NOEXCEPT;
  /* Note `index`, or END behind the last. The host prints them before the first step and puts them
   * in its report. [object-serial] */
  flame_status (*note)(flame_data_source *source, flame_call *call, uint32_t index,
                       flame_note *out) FLAME_NOEXCEPT;
} flame_data_source_interface;

FLAME_END_C

#endif
