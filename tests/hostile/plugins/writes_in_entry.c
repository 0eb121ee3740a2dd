/* Leaves a mark in the environment when it is only looked at. */
#include <stdlib.h>

#include "good_plugin.h"

const flame_plugin *flame_plugin_entry_v1(const flame_host *host) {
  static flame_plugin plugin;
  plugin = good_plugin(host);
  setenv("COUNTING_WAS_HERE", "1", 1);
  return &plugin;
}
