/* Turns small numbers into zero in the whole thread. */
#include <xmmintrin.h>

#include "good_plugin.h"

static flame_status start(flame_call *call) {
  _MM_SET_FLUSH_ZERO_MODE(_MM_FLUSH_ZERO_ON);
  return good_start(call);
}

const flame_plugin *flame_plugin_entry_v1(const flame_host *host) {
  static flame_plugin plugin;
  plugin = good_plugin(host);
  plugin.start = start;
  return &plugin;
}
