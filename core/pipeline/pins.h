// `plugins:` in a pipeline file: which library to take for a plugin id.
#pragma once

#include <filesystem>
#include <vector>

#include "core/io/yaml_node.h"
#include "core/pipeline/diagnostic.h"
#include "core/plugin/catalogue.h"

namespace flame {

// Leaves the pinned libraries alone in `catalogue`. Relative paths start at `folder`.
void apply_pins(const YamlNode &root, const std::filesystem::path &folder, Catalogue &catalogue,
                std::vector<Diagnostic> &diagnostics);

}  // namespace flame
