/* start() tells the sink another status than it returns. */
#include "good_plugin.h"

static flame_status start(flame_call *call) {
  good_fail(call, FLAME_ERROR_STORAGE, TEXT("the disk is full; make room"));
  return FLAME_ERROR_UNSUPPORTED;
}

const flame_plugin *flame_plugin_entry_v1(const flame_host *host) {
  static flame_plugin plugin;
  plugin = good_plugin(host);
  plugin.start = start;
  return &plugin;
}
