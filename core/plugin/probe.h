// Runs a library's code where it cannot hurt: in a child process with a time limit.
#pragma once

#include <cstdint>
#include <filesystem>

#include "core/base/child_process.h"
#include "core/base/result.h"
#include "core/plugin/manifest.h"

namespace flame {

struct DescribedPlugin {
  PluginSpec spec;
  uint32_t abi_minor = 0;  // the minor version that the plugin was built with
};

// Loads the library, calls its entry and reads its table, without starting it: for writing a
// manifest, also on a machine that lacks the plugin's device. Every error names the library and, if
// it crashed, hung or ended the process, in which of its functions.
Result<DescribedPlugin> describe_library(const std::filesystem::path &library,
                                         ChildLimits limits = {});

// Loads the library, compares its table with the manifest, starts it, queries the interface of
// every kind of its components, and stops it; looks after each of these whether the process is as
// it was (core/plugin/process_state.h). A start that fails with a message of the plugin's own ("no
// device answers") gives that error with the kind of its status; everything else that is wrong is
// kBadPlugin.
Status probe_library(const std::filesystem::path &library, const Manifest &manifest,
                     ChildLimits limits = {});

// Whether the library's own description is the manifest's; the error names the first difference.
// `library` and `manifest_name` are for messages.
Status compare_with_manifest(const DescribedPlugin &plugin, const Manifest &manifest,
                             const std::filesystem::path &library);

}  // namespace flame
