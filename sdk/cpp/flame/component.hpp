// What the glue keeps of each component: its descriptor and how one is made from options. Authors
// need plugin.hpp and the header of their kind.
#pragma once

#include <cstring>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "flame/host.hpp"
#include "flame/options.hpp"

namespace flame {
inline namespace sdk {

struct DeviceInfo;  // backend.hpp

namespace detail {

// Has `options` members and functions of the class that the author registered. Objects travel as
// void pointers to the kind's base class.
struct Component {
  std::string kind, id, summary;
  std::deque<Option> options;
  void *(*create)(uint32_t index, Attributes options) = nullptr;
  std::vector<DeviceInfo> (*devices)() = nullptr;  // of backends alone
};

template <typename Class, typename = void>
struct OptionsOf {
  struct None {
    void describe(OptionTable &) {}
  };
  using Type = None;
};
template <typename Class>
struct OptionsOf<Class, std::void_t<typename Class::Options>> {
  using Type = typename Class::Options;
};

template <typename Class>
std::deque<Option> describe_options() {
  typename OptionsOf<Class>::Type options;
  OptionTable table;
  options.describe(table);
  return table.options();
}

template <typename Class>
typename OptionsOf<Class>::Type read_options(Attributes given) {
  typename OptionsOf<Class>::Type options;
  OptionTable table;
  options.describe(table);
  table.read(given);
  return options;
}

// Class(options), or Class() for a class without options.
template <typename Base, typename Class>
void *create_component(uint32_t, Attributes given) {
  const auto options = read_options<Class>(given);
  std::unique_ptr<Base> made;
  if constexpr (std::is_constructible_v<Class, decltype(options)>) {
    made = std::make_unique<Class>(options);
  } else {
    static_assert(std::is_default_constructible_v<Class>,
                  "a component is made from its Options, or from nothing");
    made = std::make_unique<Class>();
  }
  return made.release();
}

inline const Component &find_component(std::string_view kind, flame_str id) {
  for (const Component &component : *globals.components) {
    if (component.kind == kind && component.id == view(id)) return component;
  }
  throw not_found("this plugin has no ", kind, " '", view(id), "'");
}

// Fills a struct of the host, no further than its struct_size.
template <typename Struct>
void fill(Struct *out, Struct value) {
  value.struct_size = out->struct_size;
  const size_t size = out->struct_size < sizeof value ? out->struct_size : sizeof value;
  std::memcpy(static_cast<void *>(out), &value, size);
}

// create() and destroy() of every kind but backends.
template <typename Base, typename Handle>
struct Lifetime {
  static Base *object(Handle *handle) noexcept { return reinterpret_cast<Base *>(handle); }

  static flame_status create(flame_call *call, flame_str component, const flame_attribute *options,
                             uint32_t option_count, Handle **out) noexcept {
    return guard(call, [&] {
      const Component &found = find_component(Base::kKind, component);
      *out = static_cast<Handle *>(found.create(0, Attributes(options, option_count)));
    });
  }
  static void destroy(Handle *handle) noexcept { delete object(handle); }
};

}  // namespace detail
}  // namespace sdk
}  // namespace flame
