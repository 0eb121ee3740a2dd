/* Takes it for granted that a host offers a log. */
#include "good_plugin.h"

static const flame_host *kept;

static flame_status start(flame_call *call) {
  const flame_log *log = kept->query(kept, TEXT(FLAME_LOG_ID));
  log->write(log->self, FLAME_LOG_DEBUG, TEXT("counting is ready"));
  return good_start(call);
}

const flame_plugin *flame_plugin_entry_v1(const flame_host *host) {
  static flame_plugin plugin;
  kept = host;
  plugin = good_plugin(host);
  plugin.start = start;
  return &plugin;
}
