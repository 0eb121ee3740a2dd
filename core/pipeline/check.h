// Everything in the tree of a pipeline file that does not fit the tables.
#pragma once

#include <filesystem>
#include <vector>

#include "core/io/yaml_node.h"
#include "core/pipeline/pipeline.h"

namespace flame {

// What is wrong goes to `diagnostics`; without errors there, the result is whole. `file` names the
// folder at which relative paths start.
Pipeline check_tree(const std::filesystem::path &file, const YamlNode &root,
                    const Catalogue &catalogue, std::vector<Diagnostic> &diagnostics);

}  // namespace flame
