/* Opens a descriptor in start() and forgets it. */
#include <fcntl.h>

#include "good_plugin.h"

static flame_status start(flame_call *call) {
  if (open("/dev/null", O_RDONLY) < 0) return good_fail(call, FLAME_ERROR_STORAGE, TEXT("no null"));
  return good_start(call);
}

const flame_plugin *flame_plugin_entry_v1(const flame_host *host) {
  static flame_plugin plugin;
  plugin = good_plugin(host);
  plugin.start = start;
  return &plugin;
}
