// Tries something on every component of a kind that can be created here.
#pragma once

#include <string>
#include <string_view>

#include "core/plugin/validate/subject.h"

namespace flame {

// Whether a component is tried that cannot be created because an option is missing.
enum class Incomplete {
  kSkip,
  kTry,
};

// `attempt(component)` gives a Status. Skipped if there is no such component, or none that can be
// created here.
template <typename Attempt>
Result<Done> for_each_component(Subject &subject, std::string_view kind, Attempt &&attempt,
                                Incomplete incomplete = Incomplete::kSkip) {
  FLAME_ASSIGN(const auto components, subject.components(kind));
  std::string hindrance = kind.empty()
                              ? "the plugin has no component of a kind that this host knows"
                              : "the plugin has no " + std::string(kind);
  bool tried = false;
  for (const CheckedComponent &component : components) {
    const bool tried_anyway = component.lacks_option && incomplete == Incomplete::kTry;
    if (!component.hindrance.empty() && !tried_anyway) {
      hindrance = component.hindrance;
      continue;
    }
    FLAME_TRY(attempt(component));
    tried = true;
  }
  return tried ? passed() : skipped(hindrance);
}

// Likewise with a new object of each, which is destroyed afterwards.
template <typename Object, typename Attempt>
Result<Done> for_each_object(Subject &subject, std::string_view kind, Attempt &&attempt) {
  return for_each_component(subject, kind, [&](const CheckedComponent &component) -> Status {
    FLAME_ASSIGN(void *object, subject.create(component));
    FLAME_TRY(attempt(component, static_cast<Object *>(object)));
    subject.destroy(component, object);
    return {};
  });
}

}  // namespace flame
