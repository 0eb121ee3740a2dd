// A YAML file as a tree of our own, every part with its place.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/io/source_text.h"

namespace flame {

struct YamlNode;
// Trees never change once they are built, so that an alias can share what it repeats.
using YamlNodePtr = std::shared_ptr<const YamlNode>;

struct YamlMember {
  std::string key;
  TextPlace place;  // of the key
  YamlNodePtr value;
};

struct YamlNode {
  enum class Kind {
    kNull,  // nothing, ~ or null
    kScalar,
    kMapping,
    kSequence,
  };

  Kind kind = Kind::kNull;
  TextPlace place;  // of its first character; of nothing, where it is missing
  std::string text;
  bool quoted = false;  // or a block of text: never a number, true or false
  // False if an error ended the reading before its end: something missing here may have been there.
  bool complete = true;
  std::vector<YamlMember> members;  // in their order; a duplicate key is there twice
  std::vector<YamlNodePtr> items;

  // The first member of that name, or null. Lives as long as *this.
  const YamlMember *find(std::string_view key) const;
};

// "a mapping", "a list", "a value", "nothing".
std::string_view describe(YamlNode::Kind kind);

}  // namespace flame
