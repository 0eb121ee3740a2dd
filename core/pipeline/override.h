// `--set a.b=1`: one value put into the tree of a pipeline file.
#pragma once

#include <vector>

#include "core/io/yaml_node.h"
#include "core/pipeline/diagnostic.h"

namespace flame {

// `argument` is the text "a.b=1". The value is taken as it stands, or, where it starts with a
// bracket or a quote, read as YAML. Numbers are the places in a list: export.0.path. Missing
// mappings are made. What is wrong goes to `diagnostics`, and `root` is returned as it was.
YamlNodePtr apply_override(const YamlNodePtr &root, const SourceText &argument,
                           std::vector<Diagnostic> &diagnostics);

}  // namespace flame
