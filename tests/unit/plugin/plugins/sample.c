/* A small plugin, and under a macro each way in which a plugin can go wrong before it is used. */
#define _GNU_SOURCE
#include <fenv.h>
#include <locale.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "flame/flame.h"

#define TEXT(literal) \
  { literal, sizeof literal - 1 }

static const flame_host *host;
static int started;

static flame_status fail(flame_call *call, flame_status status, const char *text) {
  call->fail(call->sink, status, (flame_str){text, strlen(text)});
  return status;
}

static flame_status create(flame_call *call, flame_str component, const flame_attribute *options,
                           uint32_t option_count, flame_optimizer **out) {
  (void)component, (void)options, (void)option_count, (void)out;
  return fail(call, FLAME_ERROR_UNSUPPORTED, "this plugin only starts and stops");
}
static void destroy(flame_optimizer *optimizer) {
  (void)optimizer;
}
static flame_status describe_state(flame_optimizer *optimizer, flame_call *call, uint32_t index,
                                   flame_state_info *out) {
  (void)optimizer, (void)index, (void)out;
  return fail(call, FLAME_ERROR_END, "there are no states");
}
static flame_status build(flame_optimizer *optimizer, flame_call *call,
                          const flame_program_builder *builder, flame_update *update) {
  (void)optimizer, (void)builder, (void)update;
  return fail(call, FLAME_ERROR_UNSUPPORTED, "this plugin only starts and stops");
}

static const flame_optimizer_interface optimizer_interface = {
#ifdef SHORT_INTERFACE
    16,
#else
    sizeof(flame_optimizer_interface),
#endif
    0,     create, destroy,
#ifdef NULL_FUNCTION
    NULL,
#else
    describe_state,
#endif
    build, NULL};

static flame_status start(flame_call *call) {
  (void)call;
#ifdef CRASH_IN_START
  raise(SIGSEGV);
#endif
#ifdef HANG_IN_START
  for (;;) pause();
#endif
#ifdef START_FAILS
  return fail(call, FLAME_ERROR_UNSUPPORTED, "no device answers: install the driver");
#endif
#ifdef START_FAILS_SILENTLY
  return FLAME_ERROR_FAILED;
#endif
#ifdef START_CHANGES_ROUNDING
  fesetround(FE_UPWARD);
#endif
#ifdef START_CHANGES_LOCALE
  setlocale(LC_ALL, "C.UTF-8");
#endif
#ifdef START_TAKES_SIGNALS
  signal(SIGUSR1, SIG_IGN);
#endif
#ifdef START_CLOSES_DESCRIPTORS
  for (int descriptor = 0; descriptor < 64; ++descriptor) close(descriptor);
#endif
#ifdef START_CHANGES_ENVIRONMENT
  setenv("OMP_NUM_THREADS", "1", 1);
#endif
  ++started;
  const flame_log *log = host->query(host, (flame_str)TEXT(FLAME_LOG_ID));
  if (log) log->write(log->self, FLAME_LOG_DEBUG, (flame_str)TEXT("started"));
  return FLAME_OK;
}

static void stop(void) {
  --started;
  const char *file = getenv("FLAME_TEST_STOP_FILE");
  if (file) chmod(file, 0600);
#ifdef ABORT_IN_STOP
  abort();
#endif
}

static const void *query(flame_str id) {
#ifdef CRASH_IN_QUERY
  raise(SIGBUS);
#endif
#ifdef ANSWERS_EVERYTHING
  (void)id;
  return &optimizer_interface;
#endif
#ifdef NULL_INTERFACE
  (void)id;
  return NULL;
#endif
  if (id.size == strlen(FLAME_OPTIMIZER_ID) && memcmp(id.data, FLAME_OPTIMIZER_ID, id.size) == 0) {
    return &optimizer_interface;
  }
  return NULL;
}

static const flame_option rate = {.struct_size = sizeof(flame_option),
                                  .type = FLAME_OPTION_FLOAT,
                                  .flags = FLAME_OPTION_MINIMUM,
                                  .name = TEXT("lr"),
                                  .help = TEXT("How fast it learns."),
                                  .since = TEXT("1.0.0"),
                                  .default_text = TEXT("0.001"),
                                  .minimum = 0};
static const flame_option *const options[] = {&rate};
static const flame_component component = {.struct_size = sizeof(flame_component),
                                          .option_count = 1,
                                          .kind = TEXT(FLAME_KIND_OPTIMIZER),
                                          .id = TEXT("sample"),
                                          .summary = TEXT("Starts and stops."),
                                          .options = options};
static const flame_component *const components[] = {
#ifdef GARBAGE_POINTER
    (const flame_component *)0x10,
#else
    &component,
#endif
};
static const flame_plugin plugin = {.struct_size = sizeof(flame_plugin),
                                    .minor = FLAME_TARGET_MINOR,
                                    .id = TEXT("org.example.sample"),
                                    .version = TEXT("1.0.0"),
                                    .vendor = TEXT("Example"),
                                    .license = TEXT("MIT"),
                                    .summary = TEXT("A plugin for tests."),
                                    .component_count = 1,
                                    .components = components,
                                    .start = start,
#ifndef NULL_STOP
                                    .stop = stop,
#endif
                                    .query = query};

#ifdef CRASH_IN_CONSTRUCTOR
__attribute__((constructor)) static void crash(void) {
  abort();
}
#endif

#ifdef UNDEFINED_SYMBOL
void nobody_has_this_function(void);
#endif

#ifdef ENTRY_V2
FLAME_EXPORT const flame_plugin *flame_plugin_entry_v2(const flame_host *given);
const flame_plugin *flame_plugin_entry_v2(const flame_host *given) {
#elif defined(NO_ENTRY)
FLAME_EXPORT const flame_plugin *some_function(const flame_host *given);
const flame_plugin *some_function(const flame_host *given) {
#else
const flame_plugin *flame_plugin_entry_v1(const flame_host *given) {
#endif
  host = given;
#ifdef UNDEFINED_SYMBOL
  nobody_has_this_function();
#endif
#ifdef EXIT_IN_ENTRY
  exit(0);
#endif
#ifdef REFUSES_HOST
  const flame_log *log = host->query(host, (flame_str)TEXT(FLAME_LOG_ID));
  log->write(log->self, FLAME_LOG_ERROR, (flame_str)TEXT("needs flame.threadpool/1"));
  return NULL;
#endif
  return &plugin;
}
