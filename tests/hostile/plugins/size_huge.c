/* A table that says it is larger than memory. */
#include "good_plugin.h"

const flame_plugin *flame_plugin_entry_v1(const flame_host *host) {
  static flame_plugin plugin;
  plugin = good_plugin(host);
  plugin.struct_size = 0xfffffff0u;
  return &plugin;
}
