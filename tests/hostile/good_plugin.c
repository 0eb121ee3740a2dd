/* The good parts: see good_plugin.h. */
#include "good_plugin.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One count for all threads: query is [any]. */
static atomic_int started;

struct flame_data_source {
  uint64_t count;
  int64_t first;
  char identity[32];
};

static int equal(flame_str a, const char *b) {
  return a.size == strlen(b) && memcmp(a.data, b, a.size) == 0;
}

flame_status good_fail(flame_call *call, flame_status status, flame_str message) {
  call->fail(call->sink, status, message);
  return status;
}

void good_log(const flame_host *host, flame_str message) {
  const flame_log *log =
      FLAME_HAS(flame_host, host, query) ? host->query(host, TEXT(FLAME_LOG_ID)) : 0;
  if (log && FLAME_HAS(flame_log, log, write)) log->write(log->self, FLAME_LOG_ERROR, message);
}

static flame_status read_option(flame_call *call, const flame_attribute *option,
                                flame_data_source *into) {
  const int is_count = equal(option->name, "count");
  if (!is_count && !equal(option->name, "first")) {
    return good_fail(call, FLAME_ERROR_INVALID_ARGUMENT,
                     TEXT("unknown option of 'counting'; it takes count and first"));
  }
  if (option->kind != FLAME_ATTRIBUTE_INT) {
    return good_fail(call, FLAME_ERROR_INVALID_ARGUMENT,
                     TEXT("options of 'counting' are whole numbers; give them without quotes"));
  }
  if (is_count && (option->value.i < 1 || option->value.i > 1000)) {
    return good_fail(call, FLAME_ERROR_INVALID_ARGUMENT,
                     TEXT("option 'count' is out of range; give 1 to 1000"));
  }
  if (is_count) into->count = (uint64_t)option->value.i;
  if (!is_count) into->first = option->value.i;
  return FLAME_OK;
}

flame_status good_create(flame_call *call, flame_str component, const flame_attribute *options,
                         uint32_t option_count, flame_data_source **out) {
  if (!equal(component, "counting")) {
    return good_fail(call, FLAME_ERROR_NOT_FOUND,
                     TEXT("this plugin has no such component; its only one is 'counting'"));
  }
  flame_data_source made = {4, 0, ""};
  for (uint32_t i = 0; i < option_count; ++i) {
    const flame_status status = read_option(call, &options[i], &made);
    if (status != FLAME_OK) return status;
  }
  flame_data_source *source = malloc(sizeof *source);
  if (!source) {
    return good_fail(call, FLAME_ERROR_OUT_OF_MEMORY, TEXT("no memory for a data source"));
  }
  *source = made;
  *out = source;
  return FLAME_OK;
}

static void destroy(flame_data_source *source) {
  free(source);
}

static uint64_t count(flame_data_source *source) {
  return source->count;
}

static flame_status check_example(flame_data_source *source, flame_call *call, uint64_t example) {
  if (example < source->count) return FLAME_OK;
  return good_fail(call, FLAME_ERROR_INVALID_ARGUMENT,
                   TEXT("there is no such example; count() says how many there are"));
}

static flame_status describe_example(flame_data_source *source, flame_call *call, uint64_t example,
                                     flame_example *out) {
  const flame_status status = check_example(source, call, example);
  if (status != FLAME_OK) return status;
  const uint32_t room = out->struct_size;
  const flame_example described = {room, 0, 1, 1, 2, 1};
  memcpy(out, &described, room < sizeof described ? room : sizeof described);
  return FLAME_OK;
}

static flame_status check_draw(flame_data_source *source, flame_call *call, uint64_t example,
                               flame_draw draw) {
  const flame_status status = check_example(source, call, example);
  if (status != FLAME_OK) return status;
  if (draw.picture < 2 && draw.caption < 1) return FLAME_OK;
  return good_fail(call, FLAME_ERROR_INVALID_ARGUMENT,
                   TEXT("there is no such draw; describe_example() says how many there are"));
}

static flame_status identity(flame_data_source *source, flame_call *call, uint64_t example,
                             flame_str *out) {
  const flame_status status = check_example(source, call, example);
  if (status != FLAME_OK) return status;
  snprintf(source->identity, sizeof source->identity, "%lld",
           (long long)((uint64_t)source->first + example));
  *out = (flame_str){source->identity, strlen(source->identity)};
  return FLAME_OK;
}

static flame_status describe_field(flame_data_source *source, flame_call *call, uint64_t example,
                                   flame_draw draw, uint32_t index, flame_field *out) {
  static const int64_t shape[1] = {1};
  const flame_status status = check_draw(source, call, example, draw);
  if (status != FLAME_OK) return status;
  if (index > 0) {
    return good_fail(call, FLAME_ERROR_END, TEXT("an example has one field: 'number'"));
  }
  const uint32_t room = out->struct_size;
  flame_field field = {room, FLAME_DTYPE_I64, TEXT("number"), {0, 0}, 1, 0, shape};
  memcpy(out, &field, room < sizeof field ? room : sizeof field);
  return FLAME_OK;
}

static flame_status read_field(flame_data_source *source, flame_call *call, uint64_t example,
                               flame_draw draw, uint32_t index, const flame_tensor *into) {
  const flame_status status = check_draw(source, call, example, draw);
  if (status != FLAME_OK) return status;
  if (index > 0 || into->dtype != FLAME_DTYPE_I64 || into->rank != 1 || into->shape[0] != 1) {
    return good_fail(call, FLAME_ERROR_INVALID_ARGUMENT,
                     TEXT("field 0 is one number of type i64; give a tensor of that shape"));
  }
  const int64_t number = (int64_t)((uint64_t)source->first + example);
  memcpy((char *)into->data + into->byte_offset, &number, sizeof number);
  return FLAME_OK;
}

static flame_status note(flame_data_source *source, flame_call *call, uint32_t index,
                         flame_note *out) {
  (void)source;
  if (index > 0) return good_fail(call, FLAME_ERROR_END, TEXT("there is one note"));
  const uint32_t room = out->struct_size;
  const flame_note told = {room, FLAME_LOG_INFO, TEXT("the examples count upwards")};
  memcpy(out, &told, room < sizeof told ? room : sizeof told);
  return FLAME_OK;
}

flame_status good_start(flame_call *call) {
  (void)call;
  ++started;
  return FLAME_OK;
}

void good_stop(void) {
  --started;
}

const flame_data_source_interface *good_source(void) {
  static const flame_data_source_interface interface = {
      sizeof interface, 0,        good_create,    destroy,    count,
      describe_example, identity, describe_field, read_field, note};
  return &interface;
}

const void *good_query(flame_str id) {
  return started > 0 && equal(id, FLAME_DATA_SOURCE_ID) ? good_source() : 0;
}

flame_plugin good_plugin(const flame_host *host) {
  static const flame_option option_count = {
      .struct_size = sizeof option_count,
      .type = FLAME_OPTION_INT,
      .flags = FLAME_OPTION_MINIMUM | FLAME_OPTION_MAXIMUM,
      .name = {"count", 5},
      .help = {"How many examples there are.", 28},
      .since = {"1.0.0", 5},
      .default_text = {"4", 1},
      .minimum = 1,
      .maximum = 1000,
  };
  static const flame_option option_first = {
      .struct_size = sizeof option_first,
      .type = FLAME_OPTION_INT,
      .name = {"first", 5},
      .help = {"The number in the first example.", 32},
      .since = {"1.0.0", 5},
      .default_text = {"0", 1},
  };
  static const flame_option *const options[] = {&option_count, &option_first};
  static const flame_component component = {
      .struct_size = sizeof component,
      .option_count = 2,
      .kind = {FLAME_KIND_DATA, sizeof FLAME_KIND_DATA - 1},
      .id = {"counting", 8},
      .summary = {"Examples that count upwards.", 28},
      .options = options,
  };
  static const flame_component *const components[] = {&component};
  (void)host;
  return (flame_plugin){
      .struct_size = sizeof(flame_plugin),
      .minor = FLAME_TARGET_MINOR,
      .id = TEXT("org.flamehost.test.counting"),
      .version = TEXT("1.0.0"),
      .vendor = TEXT("The flamehost authors"),
      .license = TEXT("Apache-2.0"),
      .summary = TEXT("A data source for tests."),
      .component_count = 1,
      .components = components,
      .start = good_start,
      .stop = good_stop,
      .query = good_query,
  };
}
