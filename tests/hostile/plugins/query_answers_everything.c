/* Gives its interface under every name. */
#include "good_plugin.h"

static const void *query(flame_str id) {
  (void)id;
  return good_source();
}

const flame_plugin *flame_plugin_entry_v1(const flame_host *host) {
  static flame_plugin plugin;
  plugin = good_plugin(host);
  plugin.query = query;
  return &plugin;
}
