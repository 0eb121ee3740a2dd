// The strict YAML reader. Of YAML it takes mappings, sequences, scalars, comments, and anchors with
// their aliases; everything else is an error, and so is whatever two readers would read in two
// ways.
#pragma once

#include <string>
#include <vector>

#include "core/io/yaml_node.h"

namespace flame {

struct YamlLimits {
  size_t max_bytes = 1 << 20;
  size_t max_depth = 64;     // counted through aliases
  size_t max_nodes = 20000;  // keys and values, counted through aliases
  size_t max_lines = 20000;
  size_t max_line_bytes = 1 << 14;
};

struct YamlProblem {
  TextPlace place;
  std::string what;
  std::string hint;  // what to do; may be empty
};

struct YamlDocument {
  YamlNodePtr root;  // never null; a kNull node for an empty text
  std::vector<YamlProblem> problems;
};

// Reads one document that fills the text. After an error it goes on where the next key at the left
// margin starts, so that `problems` holds what is wrong in every part; the tree then holds what
// could be read. Throws nothing and takes time in proportion to the text's size, whatever it holds.
YamlDocument read_yaml(const SourceText &source, const YamlLimits &limits = {});

}  // namespace flame
