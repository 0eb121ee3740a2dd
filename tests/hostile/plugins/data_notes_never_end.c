/* Has notes without end. */
#include "good_plugin.h"

static flame_status note(flame_data_source *source, flame_call *call, uint32_t index,
                         flame_note *out) {
  (void)index;
  return good_source()->note(source, call, 0, out);
}

static const void *query(flame_str id) {
  static flame_data_source_interface interface;
  const flame_data_source_interface *good = good_query(id);
  if (!good) return 0;
  interface = *good;
  interface.note = note;
  return &interface;
}

const flame_plugin *flame_plugin_entry_v1(const flame_host *host) {
  static flame_plugin plugin;
  plugin = good_plugin(host);
  plugin.query = query;
  return &plugin;
}
