// Every hostile plugin: what it is made of, what the host says of it, and which check finds it.
#pragma once

#include <string>
#include <vector>

#include "installed_plugin.h"

namespace flame {

struct HostilePlugin {
  std::string name;   // of the source in plugins/, and of the installed files
  std::string check;  // the one that has to fail
  // Part of what the host says when it is asked to load it; empty if the host takes it, because the
  // broken rule is one that only `plugins validate` looks at.
  std::string host_says;
  std::string built = {};                       // the plugin to copy, if it is not `name`
  void (*spoil)(InstalledForTest &) = nullptr;  // what is done to the copy
};

std::vector<HostilePlugin> hostile_plugins();

}  // namespace flame
