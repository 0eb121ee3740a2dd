/* Refuses every host without a word. */
#include "good_plugin.h"

const flame_plugin *flame_plugin_entry_v1(const flame_host *host) {
  (void)host;
  return 0;
}
