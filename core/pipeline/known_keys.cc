#include "core/pipeline/known_keys.h"

#include <fmt/core.h>

#include <algorithm>

#include "core/base/suggest.h"
#include "core/base/text.h"

namespace flame {
namespace {

bool contains(const std::vector<std::string> &names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// "export.0" without its number.
std::string_view without_number(std::string_view path) {
  const size_t dot = path.rfind('.');
  const bool number = dot != std::string_view::npos &&
                      path.find_first_not_of("0123456789", dot + 1) == std::string_view::npos;
  return number ? path.substr(0, dot) : path;
}

std::string place_name(std::string_view path) {
  return path.empty() ? "the top level" : fmt::format("'{}'", path);
}

// A key that may stand in a mapping, under its name or under what others call it.
struct LocalKey {
  std::string_view name;
  std::string_view spelling;
};

std::vector<LocalKey> local_keys(const SectionSpec &section, const ComponentSpec *component) {
  std::vector<LocalKey> keys;
  const auto add = [&](const ComponentSpec &spec) {
    for (const OptionSpec &option : spec.options) keys.push_back({option.name, option.name});
  };
  if (!section.kind.empty()) keys.push_back({"use", "use"});
  add(section.own);
  if (component) add(*component);
  for (const SectionSpec &inner : section.sections) keys.push_back({inner.key, inner.key});
  if (section.key.empty()) keys.push_back({kPinsKey, kPinsKey});
  const auto add_aliases = [&](const ComponentSpec &spec) {
    for (const OptionSpec &option : spec.options) {
      for (const std::string &alias : option.aliases) keys.push_back({option.name, alias});
    }
  };
  add_aliases(section.own);
  if (component) add_aliases(*component);
  return keys;
}

// The local keys nearest to a wrong one; those that the mapping does not hold yet come first.
std::vector<std::string> nearest_local(std::string_view key, const std::vector<LocalKey> &keys,
                                       const YamlNode &mapping) {
  std::vector<std::string> spellings;
  for (const bool present : {false, true}) {
    for (const LocalKey &local : keys) {
      if ((mapping.find(local.name) != nullptr) == present) {
        spellings.emplace_back(local.spelling);
      }
    }
  }
  std::vector<std::string> names;
  for (const std::string &spelling : nearest(key, spellings)) {
    const auto local = std::find_if(keys.begin(), keys.end(), [&](const LocalKey &candidate) {
      return candidate.spelling == spelling;
    });
    if (!contains(names, local->name)) names.emplace_back(local->name);
  }
  return names;
}

}  // namespace

KnownKeys::KnownKeys(const YamlNode &root, const Components &components)
    : components_(&components) {
  add_section(pipeline_sections(), "", &root);
}

void KnownKeys::add_options(const ComponentSpec &component, const std::string &path) {
  for (const OptionSpec &option : component.options) {
    keys_.push_back({path, option.name, option.aliases});
  }
}

void KnownKeys::add_section(const SectionSpec &section, const std::string &path,
                            const YamlNode *node) {
  add_options(section.own, path);
  if (node && section.list && !node->items.empty()) node = node->items.front().get();
  if (!section.kind.empty()) {
    const YamlMember *use = node ? node->find("use") : nullptr;
    const Result<Catalogue::Match> match =
        components_->find(section.kind, use ? use->value->text : section.default_use);
    if (match.ok() && match->component != nullptr && use) {
      add_options(*match->component, path);
    } else {
      for (const ComponentSpec *component : components_->of_kind(section.kind)) {
        add_options(*component, path);
      }
    }
  }
  for (const SectionSpec &inner : section.sections) {
    const YamlMember *member = node ? node->find(inner.key) : nullptr;
    keys_.push_back({path, inner.key, {}});
    add_section(inner, child_path(path, inner.key), member ? member->value.get() : nullptr);
  }
}

// Of that name in another section: one within this section first.
const KnownKeys::Key *KnownKeys::elsewhere(std::string_view key, std::string_view here) const {
  const std::string within = std::string(here) + ".";
  const Key *found = nullptr;
  for (const Key &other : keys_) {
    if (other.path == here || other.name != key) continue;
    if (!here.empty() && other.path.starts_with(within)) return &other;
    if (!found) found = &other;
  }
  return found;
}

KeyAdvice KnownKeys::advise(std::string_view key, std::string_view path, const SectionSpec &section,
                            const ComponentSpec *component, const YamlNode &mapping) const {
  const std::vector<LocalKey> local = local_keys(section, component);
  const std::string_view here = without_number(path);
  for (const LocalKey &candidate : local) {
    if (candidate.spelling == key) return {{std::string(candidate.name)}, {}};
  }
  if (const Key *other = elsewhere(key, here))
    return {{}, fmt::format("'{}' belongs to {}", key, place_name(other->path))};
  const std::vector<std::string> near = nearest_local(key, local, mapping);
  if (!near.empty() && edit_distance(key, near.front()) == 1) return {near, {}};
  for (const Key &other : keys_) {
    if (other.path != here && contains(other.aliases, key)) {
      return {{},
              fmt::format("'{}' is called '{}' here and belongs to {}", key, other.name,
                          place_name(other.path))};
    }
  }
  if (!near.empty()) return {near, {}};
  for (const Key &other : keys_) {
    if (key.size() > 2 && other.path != here && edit_distance(key, other.name) == 1) {
      return {{}, fmt::format("'{}' would belong to {}", other.name, place_name(other.path))};
    }
  }
  std::vector<std::string_view> names;
  for (const LocalKey &candidate : local) {
    if (candidate.name == candidate.spelling) names.push_back(candidate.name);
  }
  return {{}, fmt::format("the keys here are {}", join(names, ", "))};
}

}  // namespace flame
