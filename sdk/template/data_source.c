/* A data source in plain C: the lines of a text file.
 *
 * The same contract as the C++ plugins, without the glue: tables of functions, a status and one
 * call of `fail` for each failure, and nothing that the host allocated is freed here. */
#include "flame/data_source.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "flame/entry.h"
#include "flame/host.h"

#define MAX_BYTES (UINT64_C(64) << 20)

static const flame_host *the_host; /* written by the entry alone */

static int equal(flame_str a, const char *b) {
  return a.size == strlen(b) && memcmp(a.data, b, a.size) == 0;
}

static flame_status fail(flame_call *call, flame_status status, const char *message) {
  const flame_str text = {message, strlen(message)};
  call->fail(call->sink, status, text);
  return status;
}

/* One line of the file. */
typedef struct line {
  const char *text;
  size_t size;
} line;

struct flame_data_source {
  char *content;
  line *lines;
  uint64_t count;
  char identity[32]; /* what the host's borrowed text points to until its next call */
};

static void destroy(flame_data_source *source) {
  if (!source) return;
  free(source->content);
  free(source->lines);
  free(source);
}

/* Cuts the content at its line ends; empty lines are left out. */
static int find_lines(flame_data_source *source, size_t size) {
  size_t room = 1;
  for (size_t i = 0; i < size; ++i) room += source->content[i] == '\n';
  source->lines = malloc(room * sizeof *source->lines);
  if (!source->lines) return 0;
  for (size_t start = 0; start < size;) {
    const char *end = memchr(source->content + start, '\n', size - start);
    const size_t stop = end ? (size_t)(end - source->content) : size;
    if (stop > start) {
      source->lines[source->count].text = source->content + start;
      source->lines[source->count++].size = stop - start;
    }
    start = stop + 1;
  }
  return 1;
}

/* The host's functions get the call that we got: what they fail with has been told already. */
static flame_status read_lines(flame_call *call, const flame_files *files, flame_reader *reader,
                               flame_data_source *source) {
  const uint64_t size = files->size(reader);
  if (size > MAX_BYTES) {
    return fail(call, FLAME_ERROR_STORAGE, "the text file is larger than 64 MiB; split it");
  }
  source->content = malloc((size_t)size + 1);
  if (!source->content) return fail(call, FLAME_ERROR_OUT_OF_MEMORY, "no memory for the text file");
  const flame_status status = files->read(reader, call, 0, source->content, size);
  if (status != FLAME_OK) return status;
  if (find_lines(source, (size_t)size)) return FLAME_OK;
  return fail(call, FLAME_ERROR_OUT_OF_MEMORY, "no memory for the lines of the text file");
}

static flame_status create(flame_call *call, flame_str component, const flame_attribute *options,
                           uint32_t option_count, flame_data_source **out) {
  const flame_files *files = the_host->query(the_host, (flame_str)FLAME_STR(FLAME_FILES_ID));
  flame_str path = {NULL, 0};
  if (!equal(component, "example-lines")) {
    return fail(call, FLAME_ERROR_NOT_FOUND, "this plugin has no component but 'example-lines'");
  }
  for (uint32_t i = 0; i < option_count; ++i) {
    if (!equal(options[i].name, "path") || options[i].kind != FLAME_ATTRIBUTE_STRING) {
      return fail(call, FLAME_ERROR_INVALID_ARGUMENT, "the only option is 'path', a string");
    }
    path = options[i].value.s;
  }
  if (!path.data) return fail(call, FLAME_ERROR_INVALID_ARGUMENT, "option 'path' is missing");

  flame_reader *reader = NULL;
  flame_status status = files->open_reader(files->self, call, path, &reader);
  if (status != FLAME_OK) return status;
  flame_data_source *source = calloc(1, sizeof *source);
  status = source ? read_lines(call, files, reader, source)
                  : fail(call, FLAME_ERROR_OUT_OF_MEMORY, "no memory for the data source");
  files->close_reader(reader);
  if (status != FLAME_OK) {
    destroy(source);
    return status;
  }
  *out = source;
  return FLAME_OK;
}

static uint64_t count(flame_data_source *source) {
  return source->count;
}

static flame_status check_example(const flame_data_source *source, flame_call *call,
                                  uint64_t example) {
  char message[96];
  if (example < source->count) return FLAME_OK;
  snprintf(message, sizeof message, "example %" PRIu64 " was asked for, but there are %" PRIu64,
           example, source->count);
  return fail(call, FLAME_ERROR_INVALID_ARGUMENT, message);
}

/* Each line stands once in an epoch, and there is one variant of it. */
static flame_status describe_example(flame_data_source *source, flame_call *call, uint64_t example,
                                     flame_example *out) {
  const flame_status status = check_example(source, call, example);
  if (status != FLAME_OK) return status;
  const uint32_t size = out->struct_size; /* the host's struct: nothing is written past its size */
  const flame_example described = {size, 0, 1.0, 1.0, 1, 1};
  memcpy(out, &described, size < sizeof described ? size : sizeof described);
  return FLAME_OK;
}

static flame_status check_draw(const flame_data_source *source, flame_call *call, uint64_t example,
                               flame_draw draw) {
  const flame_status status = check_example(source, call, example);
  if (status != FLAME_OK) return status;
  if (draw.picture == 0 && draw.caption == 0) return FLAME_OK;
  return fail(call, FLAME_ERROR_INVALID_ARGUMENT, "a line has one variant: draw 0 of each kind");
}

/* A hash of the line (FNV-1a). */
static flame_status identity(flame_data_source *source, flame_call *call, uint64_t example,
                             flame_str *out) {
  const flame_status status = check_example(source, call, example);
  if (status != FLAME_OK) return status;
  uint64_t hash = UINT64_C(14695981039346656037);
  for (size_t i = 0; i < source->lines[example].size; ++i) {
    hash = (hash ^ (unsigned char)source->lines[example].text[i]) * UINT64_C(1099511628211);
  }
  out->data = source->identity;
  out->size = (size_t)snprintf(source->identity, sizeof source->identity, "%016" PRIx64, hash);
  return FLAME_OK;
}

static flame_status describe_field(flame_data_source *source, flame_call *call, uint64_t example,
                                   flame_draw draw, uint32_t index, flame_field *out) {
  const flame_status status = check_draw(source, call, example, draw);
  if (status != FLAME_OK) return status;
  if (index > 0) return fail(call, FLAME_ERROR_END, "there is no more field");
  const uint32_t size = out->struct_size;
  const flame_field field = {size,
                             0,
                             FLAME_STR("caption"),
                             {source->lines[example].text, source->lines[example].size},
                             0,
                             0,
                             NULL};
  memcpy(out, &field, size < sizeof field ? size : sizeof field);
  return FLAME_OK;
}

static flame_status read_field(flame_data_source *source, flame_call *call, uint64_t example,
                               flame_draw draw, uint32_t index, const flame_tensor *into) {
  (void)source, (void)example, (void)draw, (void)index, (void)into;
  return fail(call, FLAME_ERROR_INVALID_ARGUMENT, "the only field is text, not a tensor");
}

static flame_status note(flame_data_source *source, flame_call *call, uint32_t index,
                         flame_note *out) {
  (void)source, (void)index, (void)out;
  return fail(call, FLAME_ERROR_END, "there is nothing to tell");
}

static const flame_data_source_interface interface = {
    sizeof interface, 0,        create,         destroy,    count,
    describe_example, identity, describe_field, read_field, note};

/* The descriptor: what users see, and what the host checks before any of this code runs. */
static const flame_str path_aliases[] = {FLAME_STR("file")};
static const flame_option path_option = {.struct_size = sizeof path_option,
                                         .type = FLAME_OPTION_PATH,
                                         .flags = FLAME_OPTION_REQUIRED,
                                         .alias_count = 1,
                                         .name = FLAME_STR("path"),
                                         .help = FLAME_STR("The text file."),
                                         .since = FLAME_STR("0.1.0"),
                                         .aliases = path_aliases};
static const flame_option *const options[] = {&path_option};
static const flame_component component = {sizeof component,
                                          1,
                                          FLAME_STR(FLAME_KIND_DATA),
                                          FLAME_STR("example-lines"),
                                          FLAME_STR("The lines of a text file, as captions."),
                                          options};
static const flame_component *const components[] = {&component};

/* There is nothing to make ready; a plugin with a driver to load counts its starts here. */
static flame_status start(flame_call *call) {
  (void)call;
  return FLAME_OK;
}

static void stop(void) {}

static const void *query(flame_str id) {
  return equal(id, FLAME_DATA_SOURCE_ID) ? &interface : NULL;
}

static const flame_plugin plugin = {.struct_size = sizeof plugin,
                                    .minor = FLAME_TARGET_MINOR,
                                    .id = FLAME_STR("org.example.data-in-c"),
                                    .version = FLAME_STR("0.1.0"),
                                    .vendor = FLAME_STR("Example"),
                                    .license = FLAME_STR("Apache-2.0"),
                                    .summary = FLAME_STR("A data source in plain C."),
                                    .component_count = 1,
                                    .components = components,
                                    .start = start,
                                    .stop = stop,
                                    .query = query};

const flame_plugin *flame_plugin_entry_v1(const flame_host *host) {
  static const flame_str message = FLAME_STR(
      "org.example.data-in-c needs the service flame.files/1, which this host does not offer; use "
      "a newer flamehost");
  the_host = host;
  if (!FLAME_HAS(flame_host, host, query)) return NULL; /* nowhere to say why */
  if (host->query(host, (flame_str)FLAME_STR(FLAME_FILES_ID))) return &plugin;
  const flame_log *log = host->query(host, (flame_str)FLAME_STR(FLAME_LOG_ID));
  if (log) log->write(log->self, FLAME_LOG_ERROR, message);
  return NULL;
}
