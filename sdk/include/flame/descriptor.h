/* The one table in which a plugin says what it is and which options it takes. From it the host
 * makes the checks of the pipeline file, the schema, the help, the docs and the completion; no
 * option exists outside it.
 *
 * All of it is constant and valid as long as the library is open. The build writes it into the
 * manifest beside the library, so that none of this code runs before the plugin is used. Rules,
 * checked by the host:
 *  - plugin ids are reverse domain names in lower case ("org.example.fast-adamw"); component ids
 *    and option names are lower-case words joined by '-' or '_' ("comfyui-lora", "weight_decay"), at
 *    most 64 letters;
 *  - ids are unique in their table, versions are MAJOR.MINOR.PATCH, `license` is an SPDX
 *    expression;
 *  - plugins, components and options say what they are in one line of plain text: `summary` and
 *    `help` are never empty; no text holds control characters or more than 4096 bytes;
 *  - an option that has the name of one of the host's in the same section ("memory" of a backend)
 *    is given the same value as the host;
 *  - no option is named "use"; aliases are no option's name and belong to one option;
 *  - every option has a known type, and a default that its own type, range and choices allow. */
#ifndef FLAME_DESCRIPTOR_H
#define FLAME_DESCRIPTOR_H

#include "flame/abi.h"

FLAME_BEGIN_C

/* The kinds of component, as text in flame_component.kind. Each has a header of its own. */
#define FLAME_KIND_BACKEND "backend"
#define FLAME_KIND_MODEL "model"
#define FLAME_KIND_ADAPTER "adapter"
#define FLAME_KIND_OPTIMIZER "optimizer"
#define FLAME_KIND_SAMPLER "sampler"
#define FLAME_KIND_DATA "data"
#define FLAME_KIND_EXPORTER "exporter"

#define FLAME_OPTION_INT 1u    /* arrives as INT */
#define FLAME_OPTION_FLOAT 2u  /* FLOAT; always finite */
#define FLAME_OPTION_BOOL 3u   /* BOOL; written true or false */
#define FLAME_OPTION_STRING 4u /* STRING */
#define FLAME_OPTION_PATH 5u   /* STRING, made absolute; relative ones start at the pipeline file */
#define FLAME_OPTION_CHOICE 6u /* STRING, one of `choices` */
#define FLAME_OPTION_SIZE 7u   /* INT, bytes; written with a unit: 22GiB */
#define FLAME_OPTION_DURATION 8u /* FLOAT, seconds; written with a unit: 90s */

#define FLAME_OPTION_REQUIRED 1u /* must be given; has no default */
#define FLAME_OPTION_LIST \
  2u /* a sequence, arrives as INTS, FLOATS or STRINGS (BOOL lists do not exist) */
#define FLAME_OPTION_MINIMUM 4u            /* `minimum` counts */
#define FLAME_OPTION_MAXIMUM 8u            /* `maximum` counts */
#define FLAME_OPTION_EXCLUSIVE_MINIMUM 16u /* `minimum` itself is not allowed */
/* Files that come with a model say it, such as its config.json; it may be given, but files for
 * people to start from leave it out. */
#define FLAME_OPTION_CONFIGURATION 32u

typedef struct flame_option {
  uint32_t struct_size;
  uint32_t type;  /* FLAME_OPTION_INT … */
  uint32_t flags; /* FLAME_OPTION_REQUIRED … */
  uint32_t choice_count;
  uint32_t alias_count;
  uint32_t reserved; /* zero */
  flame_str name;
  flame_str unit;          /* "px", "steps"; may be empty */
  flame_str help;          /* one sentence */
  flame_str since;         /* the plugin's version that brought it */
  flame_str deprecated_by; /* the option to use instead, or empty */
  /* As it would stand in the pipeline file; for a list its items, separated by ", ". A null `data`
   * means that the option stays unset when it is not given: it is then absent from what create()
   * gets. */
  flame_str default_text;
  double minimum;
  double maximum;
  const flame_str *choices; /* choice_count of them */
  const flame_str *aliases; /* what other programs call this option; used to suggest the right name,
                               never accepted */
} flame_option;

typedef struct flame_component {
  uint32_t struct_size;
  uint32_t option_count;
  flame_str kind; /* FLAME_KIND_… */
  flame_str id;   /* what `use:` names */
  flame_str summary;
  const flame_option *const *options;
} flame_component;

FLAME_END_C

#endif
