// Lets an exception out of start(). Compiled as C++14, where the table's type does not forbid it.
#include <stdexcept>

#include "good_plugin.h"

namespace {

flame_status start(flame_call *) {
  throw std::runtime_error("nobody catches this");
}

}  // namespace

extern "C" const flame_plugin *flame_plugin_entry_v1(const flame_host *host) {
  static flame_plugin plugin;
  plugin = good_plugin(host);
  plugin.start = start;
  return &plugin;
}
