/* Starts a thread that crashes a moment later. */
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include "good_plugin.h"

static void *crash_later(void *nothing) {
  usleep(100000);
  raise(SIGSEGV);
  return nothing;
}

static flame_status start(flame_call *call) {
  pthread_t made;
  pthread_create(&made, 0, crash_later, 0);
  pthread_detach(made);
  return good_start(call);
}

const flame_plugin *flame_plugin_entry_v1(const flame_host *host) {
  static flame_plugin plugin;
  plugin = good_plugin(host);
  plugin.start = start;
  return &plugin;
}
