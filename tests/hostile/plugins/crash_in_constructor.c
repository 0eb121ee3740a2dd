/* Crashes while it is loaded. */
#include <signal.h>

#include "good_plugin.h"

__attribute__((constructor)) static void crash(void) {
  raise(SIGSEGV);
}

const flame_plugin *flame_plugin_entry_v1(const flame_host *host) {
  static flame_plugin plugin;
  plugin = good_plugin(host);
  return &plugin;
}
