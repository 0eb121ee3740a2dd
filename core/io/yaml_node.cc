#include "core/io/yaml_node.h"

namespace flame {

const YamlMember *YamlNode::find(std::string_view key) const {
  for (const YamlMember &member : members) {
    if (member.key == key) return &member;
  }
  return nullptr;
}

std::string_view describe(YamlNode::Kind kind) {
  switch (kind) {
    case YamlNode::Kind::kNull:
      return "nothing";
    case YamlNode::Kind::kScalar:
      return "a value";
    case YamlNode::Kind::kMapping:
      return "a mapping";
    case YamlNode::Kind::kSequence:
      return "a list";
  }
  return "nothing";
}

}  // namespace flame
