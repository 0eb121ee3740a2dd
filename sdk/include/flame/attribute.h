/* Named values: the options of a component, the attributes of an op, the sizes of a program. */
#ifndef FLAME_ATTRIBUTE_H
#define FLAME_ATTRIBUTE_H

#include "flame/abi.h"

FLAME_BEGIN_C

#define FLAME_ATTRIBUTE_INT 1u     /* value.i */
#define FLAME_ATTRIBUTE_FLOAT 2u   /* value.f */
#define FLAME_ATTRIBUTE_BOOL 3u    /* value.i, 0 or 1 */
#define FLAME_ATTRIBUTE_STRING 4u  /* value.s */
#define FLAME_ATTRIBUTE_INTS 5u    /* count numbers at value.is */
#define FLAME_ATTRIBUTE_FLOATS 6u  /* count numbers at value.fs */
#define FLAME_ATTRIBUTE_STRINGS 7u /* count strings at value.ss */

/* Frozen: 40 bytes, handed over in arrays by value. `count` is 1 for the kinds without a list. */
typedef struct flame_attribute {
  uint32_t kind;
  uint32_t count;
  flame_str name;
  union {
    int64_t i;
    double f;
    flame_str s;
    const int64_t *is;
    const double *fs;
    const flame_str *ss;
  } value;
} flame_attribute;

FLAME_END_C

#endif
