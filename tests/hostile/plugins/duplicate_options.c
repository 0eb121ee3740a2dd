/* Has an option twice. */
#include "good_plugin.h"

const flame_plugin *flame_plugin_entry_v1(const flame_host *host) {
  static flame_plugin plugin;
  static flame_component component;
  static flame_option option;
  static const flame_option *options[2] = {&option, &option};
  static const flame_component *components[1] = {&component};
  plugin = good_plugin(host);
  component = *plugin.components[0];
  option = *component.options[0];
  component.option_count = 2;
  component.options = options;
  plugin.components = components;
  return &plugin;
}
