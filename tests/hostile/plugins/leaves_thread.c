/* Leaves a thread running after stop(). */
#include <pthread.h>
#include <unistd.h>

#include "good_plugin.h"

static void *sleep_on(void *nothing) {
  for (;;) pause();
  return nothing;
}

static flame_status start(flame_call *call) {
  pthread_t made;
  pthread_create(&made, 0, sleep_on, 0);
  pthread_detach(made);
  return good_start(call);
}

const flame_plugin *flame_plugin_entry_v1(const flame_host *host) {
  static flame_plugin plugin;
  plugin = good_plugin(host);
  plugin.start = start;
  return &plugin;
}
