/* Leaves a process behind, in a session of its own. */
#include <unistd.h>

#include "good_plugin.h"

static flame_status start(flame_call *call) {
  if (fork() == 0) {
    setsid();
    sleep(5);
    _exit(0);
  }
  return good_start(call);
}

const flame_plugin *flame_plugin_entry_v1(const flame_host *host) {
  static flame_plugin plugin;
  plugin = good_plugin(host);
  plugin.start = start;
  return &plugin;
}
