/* Exports its helpers beside its door, where they can take the place of somebody else's. */
#include "good_plugin.h"

FLAME_EXPORT int compress(int value);

int compress(int value) {
  return value;
}

const flame_plugin *flame_plugin_entry_v1(const flame_host *host) {
  static flame_plugin plugin;
  plugin = good_plugin(host);
  return &plugin;
}
