/* Closes every descriptor. */
#include <unistd.h>

#include "good_plugin.h"

static flame_status start(flame_call *call) {
  for (int i = 0; i < 1024; ++i) close(i);
  return good_start(call);
}

const flame_plugin *flame_plugin_entry_v1(const flame_host *host) {
  static flame_plugin plugin;
  plugin = good_plugin(host);
  plugin.start = start;
  return &plugin;
}
