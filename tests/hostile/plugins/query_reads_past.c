/* Takes an id for text that ends with NUL. */
#include <string.h>

#include "good_plugin.h"

static const void *query(flame_str id) {
  return id.data && strcmp(id.data, FLAME_DATA_SOURCE_ID) == 0 ? good_source() : 0;
}

const flame_plugin *flame_plugin_entry_v1(const flame_host *host) {
  static flame_plugin plugin;
  plugin = good_plugin(host);
  plugin.query = query;
  return &plugin;
}
