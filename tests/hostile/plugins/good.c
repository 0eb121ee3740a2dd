/* Breaks nothing. */
#include "good_plugin.h"

const flame_plugin *flame_plugin_entry_v1(const flame_host *host) {
  static flame_plugin plugin;
  plugin = good_plugin(host);
  return &plugin;
}
