/* Can be started once only. */
#include "good_plugin.h"

static flame_status start(flame_call *call) {
  static int before;
  if (before++) return good_fail(call, FLAME_ERROR_FAILED, TEXT("counting was started before"));
  return good_start(call);
}

const flame_plugin *flame_plugin_entry_v1(const flame_host *host) {
  static flame_plugin plugin;
  plugin = good_plugin(host);
  plugin.start = start;
  return &plugin;
}
