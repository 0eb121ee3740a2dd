/* Aborts in start(). */
#include <stdlib.h>

#include "good_plugin.h"

static flame_status start(flame_call *call) {
  (void)call;
  abort();
}

const flame_plugin *flame_plugin_entry_v1(const flame_host *host) {
  static flame_plugin plugin;
  plugin = good_plugin(host);
  plugin.start = start;
  return &plugin;
}
