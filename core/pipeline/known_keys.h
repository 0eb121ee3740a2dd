// Every key that a pipeline file could hold, to say which one was meant by a key that is none.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/io/yaml_node.h"
#include "core/pipeline/components.h"
#include "core/pipeline/sections.h"

namespace flame {

// What to say of a wrong key.
struct KeyAdvice {
  std::vector<std::string> suggestions;  // keys of the same mapping, the likeliest first
  std::string hint;                      // where the key belongs, or which keys there are
};

class KnownKeys {
 public:
  // Of sections whose `use:` names a component, that component's options count; of others those of
  // every component of their kind. Borrows `components`.
  KnownKeys(const YamlNode &root, const Components &components);

  // `path` and `component` (null: unknown) are of the mapping that holds `key`.
  KeyAdvice advise(std::string_view key, std::string_view path, const SectionSpec &section,
                   const ComponentSpec *component, const YamlNode &mapping) const;

 private:
  struct Key {
    std::string path;  // "train.optimizer"; a list without its numbers
    std::string name;
    std::vector<std::string> aliases;
  };

  const Key *elsewhere(std::string_view key, std::string_view here) const;
  void add_section(const SectionSpec &section, const std::string &path, const YamlNode *node);
  void add_options(const ComponentSpec &component, const std::string &path);

  const Components *components_;
  std::vector<Key> keys_;
};

}  // namespace flame
