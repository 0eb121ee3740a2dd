/* Works for half a second while it is only being loaded. */
#include <unistd.h>

#include "good_plugin.h"

__attribute__((constructor)) static void work(void) {
  usleep(500000);
}

const flame_plugin *flame_plugin_entry_v1(const flame_host *host) {
  static flame_plugin plugin;
  plugin = good_plugin(host);
  return &plugin;
}
