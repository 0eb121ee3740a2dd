/* Fails with an empty reason. */
#include "good_plugin.h"

static flame_status create(flame_call *call, flame_str component, const flame_attribute *options,
                           uint32_t option_count, flame_data_source **out) {
  flame_status status = component.size == 8 ? good_create(call, component, 0, 0, out) : 1;
  (void)options;
  (void)option_count;
  return status == FLAME_OK ? status : good_fail(call, FLAME_ERROR_NOT_FOUND, TEXT(""));
}

static const void *query(flame_str id) {
  static flame_data_source_interface interface;
  const flame_data_source_interface *good = good_query(id);
  if (!good) return 0;
  interface = *good;
  interface.create = create;
  return &interface;
}

const flame_plugin *flame_plugin_entry_v1(const flame_host *host) {
  static flame_plugin plugin;
  plugin = good_plugin(host);
  plugin.query = query;
  return &plugin;
}
