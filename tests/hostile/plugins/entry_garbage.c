/* Returns a pointer to nowhere. */
#include "good_plugin.h"

const flame_plugin *flame_plugin_entry_v1(const flame_host *host) {
  (void)host;
  return (const flame_plugin *)(uintptr_t)0x1230;
}
