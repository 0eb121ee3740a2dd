// Reads the C table of a plugin: every pointer, count and size is looked at before it is followed.
#include <fmt/core.h>

#include <cstddef>

#include "core/base/terminal.h"
#include "core/plugin/descriptor.h"

namespace flame {
namespace {

// Far above any real plugin; what lies beyond is not a table but garbage.
constexpr uint32_t kMaxStructSize = 1 << 16;
constexpr uint32_t kMaxComponents = 256;
constexpr uint32_t kMaxOptions = 1024;
constexpr uint32_t kMaxTexts = 4096;
constexpr size_t kMaxTextBytes = 1 << 16;
constexpr size_t kMaxAllTextBytes = 4 << 20;

constexpr uint32_t kKnownFlags = FLAME_OPTION_REQUIRED | FLAME_OPTION_LIST | FLAME_OPTION_MINIMUM |
                                 FLAME_OPTION_MAXIMUM | FLAME_OPTION_EXCLUSIVE_MINIMUM |
                                 FLAME_OPTION_CONFIGURATION;

// What the first minor version of the contract had; a table may be longer, never shorter.
constexpr size_t kPluginSize = offsetof(flame_plugin, query) + sizeof(flame_plugin::query);
constexpr size_t kComponentSize =
    offsetof(flame_component, options) + sizeof(flame_component::options);
constexpr size_t kOptionSize = offsetof(flame_option, aliases) + sizeof(flame_option::aliases);

// A name that was not checked yet, fit for a message.
std::string quoted(std::string_view name) {
  return fmt::format("'{}'", printable(name.substr(0, 80)));
}

class TableReader {
 public:
  explicit TableReader(const flame_plugin &plugin) : plugin_(plugin) {}

  Result<PluginSpec> read() {
    FLAME_TRY(size("flame_plugin", plugin_.struct_size, kPluginSize));
    PluginSpec spec;
    FLAME_ASSIGN(spec.id, text("the plugin's id", plugin_.id));
    place_ = "plugin " + quoted(spec.id);
    FLAME_ASSIGN(spec.version, text("the version", plugin_.version));
    FLAME_ASSIGN(spec.vendor, text("the vendor", plugin_.vendor));
    FLAME_ASSIGN(spec.license, text("the licence", plugin_.license));
    FLAME_ASSIGN(spec.summary, text("the summary", plugin_.summary));
    FLAME_TRY(functions());
    FLAME_ASSIGN(spec.requirements,
                 texts("requirements", plugin_.requirements, plugin_.requirement_count));
    FLAME_TRY(array("components", plugin_.components, plugin_.component_count, kMaxComponents));
    for (uint32_t i = 0; i < plugin_.component_count; ++i) {
      if (!plugin_.components[i]) return error(fmt::format("component {} is null", i));
      FLAME_ASSIGN(ComponentSpec component, read_component(*plugin_.components[i]));
      spec.components.push_back(std::move(component));
    }
    FLAME_TRY(check_descriptor(spec));
    return spec;
  }

 private:
  Error error(std::string_view problem) const {
    return plugin_error(fmt::format("{}{}{}", place_, place_.empty() ? "" : ": ", problem));
  }

  Status size(std::string_view name, uint32_t found, size_t least) const {
    if (found >= least && found <= kMaxStructSize) return {};
    return error(fmt::format("{}.struct_size is {}; expected {} or more, as sizeof gives it", name,
                             found, least));
  }

  Status functions() const {
    const char *missing = !plugin_.start   ? "start"
                          : !plugin_.stop  ? "stop"
                          : !plugin_.query ? "query"
                                           : nullptr;
    if (!missing) return {};
    return error(fmt::format("flame_plugin.{} is null; every plugin has it", missing));
  }

  Status array(std::string_view name, const void *data, uint32_t count, uint32_t most) const {
    if (count > most) {
      return error(fmt::format("{} {}; at most {} are allowed", count, name, most));
    }
    if (count > 0 && !data)
      return error(fmt::format("{} {}, but their array is null", count, name));
    return {};
  }

  Result<std::string> text(std::string_view field, flame_str value) {
    if (value.size == 0) return std::string();
    if (!value.data) {
      return error(fmt::format("{} has {} bytes, but its data is null", field, value.size));
    }
    if (value.size > kMaxTextBytes) {
      return error(
          fmt::format("{} has {} bytes; at most {} are read", field, value.size, kMaxTextBytes));
    }
    all_text_bytes_ += value.size;
    if (all_text_bytes_ > kMaxAllTextBytes) {
      return error(fmt::format("the table holds more than {} bytes of text", kMaxAllTextBytes));
    }
    return std::string(value.data, value.size);
  }

  Result<std::vector<std::string>> texts(std::string_view name, const flame_str *data,
                                         uint32_t count) {
    FLAME_TRY(array(name, data, count, kMaxTexts));
    std::vector<std::string> list;
    for (uint32_t i = 0; i < count; ++i) {
      FLAME_ASSIGN(std::string item, text(name, data[i]));
      list.push_back(std::move(item));
    }
    return list;
  }

  Result<ComponentSpec> read_component(const flame_component &table) {
    const std::string outer = place_;
    FLAME_TRY(size("flame_component", table.struct_size, kComponentSize));
    ComponentSpec spec;
    FLAME_ASSIGN(spec.kind, text("a component's kind", table.kind));
    FLAME_ASSIGN(spec.id, text("a component's id", table.id));
    place_ = outer + ", component " + quoted(spec.id);
    FLAME_ASSIGN(spec.summary, text("the summary", table.summary));
    FLAME_TRY(array("options", table.options, table.option_count, kMaxOptions));
    for (uint32_t i = 0; i < table.option_count; ++i) {
      if (!table.options[i]) return error(fmt::format("option {} is null", i));
      FLAME_ASSIGN(OptionSpec option, read_option(*table.options[i]));
      spec.options.push_back(std::move(option));
    }
    place_ = outer;
    return spec;
  }

  Result<OptionSpec> read_option(const flame_option &table) {
    const std::string outer = place_;
    FLAME_TRY(size("flame_option", table.struct_size, kOptionSize));
    OptionSpec spec;
    FLAME_ASSIGN(spec.name, text("an option's name", table.name));
    place_ = outer + ", option " + quoted(spec.name);
    FLAME_TRY(read_type(table, spec));
    FLAME_ASSIGN(spec.unit, text("the unit", table.unit));
    FLAME_ASSIGN(spec.help, text("the help", table.help));
    FLAME_ASSIGN(spec.since, text("since", table.since));
    FLAME_ASSIGN(spec.deprecated_by, text("deprecated_by", table.deprecated_by));
    if (table.default_text.data || table.default_text.size > 0) {
      FLAME_ASSIGN(spec.default_text, text("the default", table.default_text));
    }
    FLAME_ASSIGN(spec.choices, texts("choices", table.choices, table.choice_count));
    FLAME_ASSIGN(spec.aliases, texts("aliases", table.aliases, table.alias_count));
    place_ = outer;
    return spec;
  }

  Status read_type(const flame_option &table, OptionSpec &spec) const {
    if (table.type < FLAME_OPTION_INT || table.type > FLAME_OPTION_DURATION) {
      return error(fmt::format(
          "type {} is unknown; this host knows {} to {} (minor version {} of "
          "the contract, the plugin wants {})",
          table.type, FLAME_OPTION_INT, FLAME_OPTION_DURATION, FLAME_ABI_MINOR, plugin_.minor));
    }
    // What a newer minor version has put there is unknown here and is passed over.
    if (plugin_.minor <= FLAME_ABI_MINOR && (table.flags & ~kKnownFlags)) {
      return error(
          fmt::format("flags {:#x} holds bits without a meaning; they must be zero", table.flags));
    }
    if (plugin_.minor <= FLAME_ABI_MINOR && table.reserved != 0) {
      return error(fmt::format("reserved is {}; it must be zero", table.reserved));
    }
    spec.type = static_cast<OptionType>(table.type - FLAME_OPTION_INT);
    spec.required = table.flags & FLAME_OPTION_REQUIRED;
    spec.configuration = table.flags & FLAME_OPTION_CONFIGURATION;
    spec.list = table.flags & FLAME_OPTION_LIST;
    spec.exclusive_minimum = table.flags & FLAME_OPTION_EXCLUSIVE_MINIMUM;
    if (table.flags & FLAME_OPTION_MINIMUM) spec.minimum = table.minimum;
    if (table.flags & FLAME_OPTION_MAXIMUM) spec.maximum = table.maximum;
    return {};
  }

  const flame_plugin &plugin_;
  std::string place_;
  size_t all_text_bytes_ = 0;
};

}  // namespace

Result<PluginSpec> read_descriptor(const flame_plugin &plugin) {
  return TableReader(plugin).read();
}

}  // namespace flame
