/* Returns another table each time. */
#include "good_plugin.h"

const flame_plugin *flame_plugin_entry_v1(const flame_host *host) {
  static flame_plugin plugins[8];
  static int next;
  flame_plugin *plugin = &plugins[next++ % 8];
  *plugin = good_plugin(host);
  return plugin;
}
