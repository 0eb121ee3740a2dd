/* Gives an example another identity each time. */
#include "good_plugin.h"

static flame_status identity(flame_data_source *source, flame_call *call, uint64_t example,
                             flame_str *out) {
  static const char letters[] = "abcdefghijklmnopqrstuvwxyz";
  static unsigned next;
  (void)source;
  (void)call;
  (void)example;
  *out = (flame_str){letters + next++ % 26, 1};
  return FLAME_OK;
}

static const void *query(flame_str id) {
  static flame_data_source_interface interface;
  const flame_data_source_interface *good = good_query(id);
  if (!good) return 0;
  interface = *good;
  interface.identity = identity;
  return &interface;
}

const flame_plugin *flame_plugin_entry_v1(const flame_host *host) {
  static flame_plugin plugin;
  plugin = good_plugin(host);
  plugin.query = query;
  return &plugin;
}
