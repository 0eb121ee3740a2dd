/* The parts of a plugin that keeps every rule: a data source that counts. Each hostile plugin takes
 * them and breaks one rule. */
#ifndef FLAME_TESTS_GOOD_PLUGIN_H
#define FLAME_TESTS_GOOD_PLUGIN_H

#include "flame/data_source.h"
#include "flame/entry.h"
#include "flame/host.h"

FLAME_BEGIN_C

#define TEXT(literal) ((flame_str){literal, sizeof(literal) - 1})

/* A whole table, whose functions are the good ones; every hostile plugin returns it with one thing
 * changed. Keeps `host`. */
flame_plugin good_plugin(const flame_host *host);

flame_status good_start(flame_call *call);
void good_stop(void);
const void *good_query(flame_str id);
const flame_data_source_interface *good_source(void);
flame_status good_create(flame_call *call, flame_str component, const flame_attribute *options,
                         uint32_t option_count, flame_data_source **out);

/* Calls the sink and returns `status`. */
flame_status good_fail(flame_call *call, flame_status status, flame_str message);

/* Writes to flame.log/1, if the host has it. */
void good_log(const flame_host *host, flame_str message);

FLAME_END_C

#endif
