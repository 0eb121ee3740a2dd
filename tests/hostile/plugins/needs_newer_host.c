/* Uses a service that this host does not offer, without asking whether it is there. */
#include "good_plugin.h"

static const flame_host *kept;

static flame_status start(flame_call *call) {
  const flame_log *log = kept->query(kept, TEXT("flame.log/9"));
  log->write(log->self, FLAME_LOG_INFO, TEXT("hello"));
  return good_start(call);
}

const flame_plugin *flame_plugin_entry_v1(const flame_host *host) {
  static flame_plugin plugin;
  kept = host;
  plugin = good_plugin(host);
  plugin.start = start;
  return &plugin;
}
