/* Crashes in stop(). */
#include <signal.h>

#include "good_plugin.h"

static void stop(void) {
  good_stop();
  raise(SIGSEGV);
}

const flame_plugin *flame_plugin_entry_v1(const flame_host *host) {
  static flame_plugin plugin;
  plugin = good_plugin(host);
  plugin.stop = stop;
  return &plugin;
}
