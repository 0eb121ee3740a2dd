// The plugin that is checked, as one check in its own process sees it.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/plugin/attribute_list.h"
#include "core/plugin/catalogue.h"
#include "core/plugin/descriptor.h"
#include "core/plugin/library.h"
#include "core/plugin/validate/check.h"
#include "core/plugin/validate/checked_call.h"
#include "core/plugin/validate/checked_host.h"
#include "core/plugin/validate/kinds.h"

namespace flame {

// What is known of a plugin before any of its code runs.
struct SubjectFacts {
  std::filesystem::path file;                   // absolute
  std::filesystem::path manifest_file;          // empty if there is none beside the library
  std::filesystem::path scratch;                // an empty folder of this check's own
  std::map<std::string, std::string> settings;  // values for options that have no default
  std::optional<InstalledPlugin> reference;     // the plugin of the backend to compare with
  bool full = false;                            // also what takes minutes
};

// A component of the plugin with its interface and the options that it would get.
struct CheckedComponent {
  ComponentSpec spec;
  const KindAccess *kind = nullptr;
  const void *table = nullptr;
  AttributeList options;
  // Why none can be created here (an option without default was not given, no device answers), or
  // empty.
  std::string hindrance;
  bool lacks_option = false;  // and that is the only hindrance

  flame_str id() const { return {spec.id.data(), spec.id.size()}; }
  template <typename Interface>
  const Interface *interface() const {
    return static_cast<const Interface *>(table);
  }
};

// Every function that calls the plugin first writes down which function it calls, where the parent
// sees it: if the call never returns, the report can say so.
class Subject {
 public:
  // `place` holds `place_size` bytes that the parent can read.
  Subject(SubjectFacts facts, char *place, size_t place_size)
      : facts_(std::move(facts)), place_(place), place_size_(place_size) {}

  const SubjectFacts &facts() const { return facts_; }
  void at(std::string_view what);

  // A host that lives as long as the process.
  CheckedHost &make_host(CheckedHost::Shape shape = {});

  // Loads the library, once.
  Result<PluginEntry> open();
  // Calls the entry. Breaks if there is no table.
  Result<const flame_plugin *> enter(CheckedHost &host);
  // The table for an ordinary host; the entry is called once.
  Result<const flame_plugin *> plugin();
  CheckedHost &host();
  // The host of plugin() from now on; called before everything else.
  void use_host(CheckedHost &host) { host_ = &host; }

  Status start(size_t call_size = sizeof(flame_call));
  void stop();
  const void *query(flame_str id);
  const void *query(std::string_view id) { return query(flame_str{id.data(), id.size()}); }

  // Reads the descriptor, starts, and finds the interface of every component of a kind that this
  // host knows; `kind` keeps those of one kind.
  Result<std::vector<CheckedComponent>> components(std::string_view kind = {});

  // Creates a component with the options that it would get, and destroys it.
  Result<void *> create(const CheckedComponent &component);
  void destroy(const CheckedComponent &component, void *object);

  // start, create and destroy each component, stop.
  Status live_once();

 private:
  Status fill_options(CheckedComponent &component);

  SubjectFacts facts_;
  char *place_;
  size_t place_size_;
  std::vector<std::unique_ptr<CheckedHost>> hosts_;
  PluginEntry entry_ = nullptr;
  const flame_plugin *plugin_ = nullptr;
  CheckedHost *host_ = nullptr;
};

}  // namespace flame
