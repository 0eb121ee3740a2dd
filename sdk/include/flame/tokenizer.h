/* Optional, of models that read text: from a prompt to the numbers of its tokens. */
#ifndef FLAME_TOKENIZER_H
#define FLAME_TOKENIZER_H

#include "flame/model.h"

FLAME_BEGIN_C

#define FLAME_TOKENIZER_ID "flame.tokenizer/1"

/* A text as rows of one length, each with the begin, end and padding that the model wants. Filled by
 * the plugin, no further than struct_size. The array lives until the next call for the same model. */
typedef struct flame_tokens {
  uint32_t struct_size;
  uint32_t row_count;  /* at least 1, at most what was asked for */
  uint32_t row_length; /* the model's "tokens": 77 */
  uint32_t kept_count; /* tokens of the text that the rows hold */
  uint64_t text_count; /* tokens of the whole text; more than kept_count if it was cut */
  const int64_t *ids;  /* row_count × row_length */
} flame_tokens;

typedef struct flame_tokenizer_interface {
  uint32_t struct_size;
  uint32_t reserved; /* zero */
  /* Cuts what does not fit into `row_limit` rows. Errors: INVALID_ARGUMENT for a text that is no
   * UTF-8, STORAGE or NOT_FOUND for a vocabulary that cannot be read. [object-serial] */
  flame_status (*tokenize)(flame_model *model, flame_call *call, flame_str text, uint32_t row_limit,
                           flame_tokens *out) FLAME_NOEXCEPT;
} flame_tokenizer_interface;

FLAME_END_C

#endif
