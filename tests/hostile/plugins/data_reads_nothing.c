/* Says that it has read a field and writes nothing. */
#include "good_plugin.h"

static flame_status read_field(flame_data_source *source, flame_call *call, uint64_t example,
                               flame_draw draw, uint32_t index, const flame_tensor *into) {
  (void)source;
  (void)call;
  (void)example;
  (void)draw;
  (void)index;
  (void)into;
  return FLAME_OK;
}

static const void *query(flame_str id) {
  static flame_data_source_interface interface;
  const flame_data_source_interface *good = good_query(id);
  if (!good) return 0;
  interface = *good;
  interface.read_field = read_field;
  return &interface;
}

const flame_plugin *flame_plugin_entry_v1(const flame_host *host) {
  static flame_plugin plugin;
  plugin = good_plugin(host);
  plugin.query = query;
  return &plugin;
}
