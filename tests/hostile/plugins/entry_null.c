/* Refuses every host, and says why, as it should. */
#include "good_plugin.h"

const flame_plugin *flame_plugin_entry_v1(const flame_host *host) {
  good_log(host, TEXT("counting needs a host with flame.moon/1, which this one does not offer; "
                      "install flamehost 9"));
  return 0;
}
