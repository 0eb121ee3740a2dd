/* A data source gives examples: a fixed number of them, each a set of named fields. The host
 * chooses the order. */
#ifndef FLAME_DATA_SOURCE_H
#define FLAME_DATA_SOURCE_H

#include "flame/attribute.h"
#include "flame/call.h"
#include "flame/tensor.h"

FLAME_BEGIN_C

typedef struct flame_data_source flame_data_source;

#define FLAME_DATA_SOURCE_ID "flame.data/1"

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

typedef struct flame_data_source_interface {
  uint32_t struct_size;
  uint32_t reserved; /* zero */
  /* Finds the examples, without reading them. `options` are the component's, with defaults filled
   * in. *out ends with destroy. Errors: INVALID_ARGUMENT, STORAGE. [any] */
  flame_status (*create)(flame_call *call, flame_str component, const flame_attribute *options,
                         uint32_t option_count, flame_data_source **out) FLAME_NOEXCEPT;
  void (*destroy)(flame_data_source *source) FLAME_NOEXCEPT;
  uint64_t (*count)(flame_data_source *source) FLAME_NOEXCEPT; /* [object-serial] */
  /* A text that changes if and only if the content of the example changes: the key of caches. Lives
   * until the next call for the same source. [object-serial] */
  flame_status (*identity)(flame_data_source *source, flame_call *call, uint64_t example,
                           flame_str *out) FLAME_NOEXCEPT;
  /* Field `index` of an example, or END behind the last. [object-serial] */
  flame_status (*describe_field)(flame_data_source *source, flame_call *call, uint64_t example,
                                 uint32_t index, flame_field *out) FLAME_NOEXCEPT;
  /* Writes the elements of a tensor field to `into`, contiguous memory of the processor with the
   * described type and shape. [object-serial] */
  flame_status (*read_field)(flame_data_source *source, flame_call *call, uint64_t example,
                             uint32_t index, const flame_tensor *into) FLAME_NOEXCEPT;
} flame_data_source_interface;

FLAME_END_C

#endif
