/* Made for the next major version alone. */
#include "good_plugin.h"

FLAME_EXPORT const void *flame_plugin_entry_v2(const void *host);

const void *flame_plugin_entry_v2(const void *host) {
  static flame_plugin plugin;
  plugin = good_plugin(host);
  return &plugin;
}
