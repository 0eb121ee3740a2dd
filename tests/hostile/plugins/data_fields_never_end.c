/* Has fields without end. */
#include "good_plugin.h"

static flame_status describe_field(flame_data_source *source, flame_call *call, uint64_t example,
                                   flame_draw draw, uint32_t index, flame_field *out) {
  static char name[2] = "a";
  const flame_status status = good_source()->describe_field(source, call, example, draw, 0, out);
  name[0] = (char)(33 + index % 90);
  out->name = (flame_str){name, 1};
  return status;
}

static const void *query(flame_str id) {
  static flame_data_source_interface interface;
  const flame_data_source_interface *good = good_query(id);
  if (!good) return 0;
  interface = *good;
  interface.describe_field = describe_field;
  return &interface;
}

const flame_plugin *flame_plugin_entry_v1(const flame_host *host) {
  static flame_plugin plugin;
  plugin = good_plugin(host);
  plugin.query = query;
  return &plugin;
}
