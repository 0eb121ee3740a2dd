// What the plugin says of itself.
#include <fmt/core.h>

#include <array>
#include <charconv>
#include <set>

#include "core/base/terminal.h"
#include "core/plugin/option_value.h"
#include "core/plugin/validate/subject.h"

namespace flame {
namespace {

// No struct of the contract comes near this; a larger number is no sizeof.
constexpr uint32_t kLargestStruct = 1 << 16;

Status judge_size(std::string_view name, uint32_t size, size_t least) {
  if (size >= least && size <= kLargestStruct && size % alignof(void *) == 0) return {};
  return broken(fmt::format("{}.struct_size is the sizeof of the plugin's build: {} or more, a "
                            "multiple of {}",
                            name, least, alignof(void *)),
                fmt::format("it is {}", size));
}

Result<Done> struct_sizes(Subject &subject) {
  FLAME_ASSIGN(const flame_plugin *table, subject.plugin());
  FLAME_TRY(judge_size("flame_plugin", table->struct_size, sizeof(flame_plugin)));
  for (uint32_t i = 0; table->components && i < table->component_count; ++i) {
    const flame_component *component = table->components[i];
    if (!component) continue;
    FLAME_TRY(judge_size("flame_component", component->struct_size, sizeof(flame_component)));
    for (uint32_t j = 0; component->options && j < component->option_count; ++j) {
      const flame_option *option = component->options[j];
      if (option) FLAME_TRY(judge_size("flame_option", option->struct_size, sizeof(flame_option)));
    }
  }
  return passed();
}

Result<Done> functions_present(Subject &subject) {
  FLAME_ASSIGN(const flame_plugin *table, subject.plugin());
  FLAME_TRY(judge_size("flame_plugin", table->struct_size, sizeof(flame_plugin)));
  if (table->start && table->stop && table->query) return passed();
  return broken("start, stop and query are there",
                fmt::format("{} is null", !table->start  ? "start"
                                          : !table->stop ? "stop"
                                                         : "query"));
}

Result<PluginSpec> read(Subject &subject) {
  FLAME_ASSIGN(const flame_plugin *table, subject.plugin());
  subject.at("a look at the descriptor");
  Result<PluginSpec> spec = read_descriptor(*table);
  if (spec.ok()) return spec;
  return broken("a descriptor that keeps the rules of flame/descriptor.h", spec.error().what);
}

Result<Done> keeps_the_rules(Subject &subject) {
  FLAME_TRY(read(subject));
  return passed();
}

Result<Done> has_components(Subject &subject) {
  FLAME_ASSIGN(const PluginSpec spec, read(subject));
  if (!spec.components.empty()) return passed();
  return broken("at least one component", "there is none");
}

Result<Done> kinds_are_known(Subject &subject) {
  FLAME_ASSIGN(const PluginSpec spec, read(subject));
  for (const ComponentSpec &component : spec.components) {
    if (find_kind(component.kind)) continue;
    FLAME_ASSIGN(const flame_plugin *table, subject.plugin());
    if (table->minor > FLAME_ABI_MINOR) {
      return skipped("the plugin was built for a newer minor version, which may know more kinds");
    }
    return broken("a kind that flame/descriptor.h names",
                  fmt::format("component '{}' is a '{}'", component.id, component.kind));
  }
  return passed();
}

Result<Done> defaults_are_allowed(Subject &subject) {
  FLAME_ASSIGN(const PluginSpec spec, read(subject));
  for (const ComponentSpec &component : spec.components) {
    for (const OptionSpec &option : component.options) {
      if (option.list || !option.default_text) continue;
      const Result<Scalar> value = parse_scalar(option, *option.default_text, false);
      if (value.ok()) continue;
      return broken(fmt::format("the default of '{}' of '{}' is {}", option.name, component.id,
                                expectation(option)),
                    value.error().what);
    }
  }
  return passed();
}

std::array<uint32_t, 3> version_numbers(std::string_view text) {
  std::array<uint32_t, 3> numbers{};
  const char *at = text.data(), *end = text.data() + text.size();
  for (uint32_t &number : numbers) {
    at = std::from_chars(at, end, number).ptr;
    if (at < end) ++at;
  }
  return numbers;
}

Result<Done> since_is_not_later(Subject &subject) {
  FLAME_ASSIGN(const PluginSpec spec, read(subject));
  for (const ComponentSpec &component : spec.components) {
    for (const OptionSpec &option : component.options) {
      if (version_numbers(option.since) <= version_numbers(spec.version)) continue;
      return broken(
          fmt::format("no option is newer than the plugin, {}", spec.version),
          fmt::format("'{}' of '{}' is there since {}", option.name, component.id, option.since));
    }
  }
  return passed();
}

Result<Done> requirements_are_libraries(Subject &subject) {
  FLAME_ASSIGN(const PluginSpec spec, read(subject));
  for (const std::string &name : spec.requirements) {
    if (name.find(".so") != std::string::npos && name.find('/') == std::string::npos) continue;
    return broken("names of shared libraries without folders, such as libcuda.so.1",
                  fmt::format("the requirement '{}'", printable(name)));
  }
  return passed();
}

Result<Done> minor_is_stamped(Subject &subject) {
  FLAME_ASSIGN(const flame_plugin *table, subject.plugin());
  if (table->minor > 1000) {
    return broken("minor is FLAME_TARGET_MINOR of the build",
                  fmt::format("it is {}", table->minor));
  }
  if (table->minor > FLAME_ABI_MINOR || table->struct_size == sizeof(flame_plugin)) return passed();
  return broken(fmt::format("a flame_plugin of minor version {} has {} bytes", table->minor,
                            sizeof(flame_plugin)),
                fmt::format("it has {}", table->struct_size));
}

constexpr Check kChecks[] = {
    {"descriptor.struct-sizes",
     "flame/abi.h: struct_size is set to the sizeof that its side was built with", Stage::kEntered,
     struct_sizes},
    {"descriptor.minor-is-stamped", "flame/entry.h: minor is FLAME_TARGET_MINOR of the build",
     Stage::kEntered, minor_is_stamped},
    {"descriptor.functions-present", "flame/entry.h: a plugin has start, stop and query",
     Stage::kEntered, functions_present},
    {"descriptor.keeps-the-rules", "flame/descriptor.h: the rules at its head", Stage::kEntered,
     keeps_the_rules},
    {"descriptor.has-components", "flame/entry.h: components are what `use:` can name",
     Stage::kEntered, has_components},
    {"descriptor.kinds-are-known", "flame/descriptor.h: the kinds of component", Stage::kEntered,
     kinds_are_known},
    {"descriptor.defaults-are-allowed",
     "flame/descriptor.h: a default is allowed by its own type, range and choices", Stage::kEntered,
     defaults_are_allowed},
    {"descriptor.since-is-not-later",
     "flame/descriptor.h: since is the plugin's version that brought the option", Stage::kEntered,
     since_is_not_later},
    {"descriptor.requirements-are-libraries",
     "flame/entry.h: requirements are shared libraries that start() needs", Stage::kEntered,
     requirements_are_libraries},
};

}  // namespace

std::span<const Check> descriptor_checks() {
  return kChecks;
}

}  // namespace flame
