/* Needs a function that nobody has. */
#include "good_plugin.h"

extern int function_of_another_build(void);

static flame_status start(flame_call *call) {
  return function_of_another_build() ? FLAME_OK : good_start(call);
}

const flame_plugin *flame_plugin_entry_v1(const flame_host *host) {
  static flame_plugin plugin;
  plugin = good_plugin(host);
  plugin.start = start;
  return &plugin;
}
