/* Built with a later SDK: longer structs, unknown services. Breaks nothing: every host of its major
 * loads it. */
#include <stdlib.h>

#include "good_plugin.h"

struct newer_plugin {
  flame_plugin now;
  const void *(*added_later)(flame_str id);
  uint64_t more[8];
};

static const void *added_later(flame_str id) {
  (void)id;
  abort();
}

const flame_plugin *flame_plugin_entry_v1(const flame_host *host) {
  static struct newer_plugin plugin;
  plugin.now = good_plugin(host);
  plugin.now.struct_size = sizeof plugin;
  plugin.now.minor = FLAME_ABI_MINOR + 7;
  plugin.added_later = added_later;
  if (FLAME_HAS(flame_host, host, query)) host->query(host, TEXT("flame.not-yet/3"));
  return &plugin.now;
}
