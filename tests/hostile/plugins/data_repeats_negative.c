/* Has an example that stands less than never in an epoch. */
#include "good_plugin.h"

static flame_status describe_example(flame_data_source *source, flame_call *call, uint64_t example,
                                     flame_example *out) {
  const flame_status status = good_source()->describe_example(source, call, example, out);
  if (status == FLAME_OK && FLAME_COVERS(flame_example, out, repeats)) out->repeats = -1;
  return status;
}

static const void *query(flame_str id) {
  static flame_data_source_interface interface;
  const flame_data_source_interface *good = good_query(id);
  if (!good) return 0;
  interface = *good;
  interface.describe_example = describe_example;
  return &interface;
}

const flame_plugin *flame_plugin_entry_v1(const flame_host *host) {
  static flame_plugin plugin;
  plugin = good_plugin(host);
  plugin.query = query;
  return &plugin;
}
