// What the sections of a pipeline file may not say together, though each is right by itself.
#pragma once

#include <vector>

#include "core/io/yaml_node.h"
#include "core/pipeline/pipeline.h"

namespace flame {

// Appends an error for each, shown where it stands in `file`, the tree that `root` was made of.
void check_contradictions(const YamlNode &file, const ResolvedSection &root,
                          std::vector<Diagnostic> &diagnostics);

}  // namespace flame
