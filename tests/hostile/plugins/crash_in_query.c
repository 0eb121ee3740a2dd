/* Crashes in query(). */
#include <signal.h>

#include "good_plugin.h"

static const void *query(flame_str id) {
  (void)id;
  raise(SIGSEGV);
  return 0;
}

const flame_plugin *flame_plugin_entry_v1(const flame_host *host) {
  static flame_plugin plugin;
  plugin = good_plugin(host);
  plugin.query = query;
  return &plugin;
}
