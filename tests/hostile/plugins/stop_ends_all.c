/* Does not count: one stop() ends what two starts began. */
#include "good_plugin.h"

static int running;

static flame_status start(flame_call *call) {
  (void)call;
  running = 1;
  return FLAME_OK;
}

static void stop(void) {
  running = 0;
}

static const void *query(flame_str id) {
  if (!running || id.size != sizeof FLAME_DATA_SOURCE_ID - 1) return 0;
  return id.data[6] == 'd' ? good_source() : 0;
}

const flame_plugin *flame_plugin_entry_v1(const flame_host *host) {
  static flame_plugin plugin;
  plugin = good_plugin(host);
  plugin.start = start;
  plugin.stop = stop;
  plugin.query = query;
  return &plugin;
}
