#include "core/plugin/validate/subject.h"

#include <fmt/core.h>

#include <cstring>

#include "core/base/terminal.h"
#include "flame/backend.h"

namespace flame {
namespace {

constexpr std::string_view kEntryReturns =
    "the entry returns the plugin's table, or null after it has written the reason to flame.log/1";

// A value for an option that must be given: the first that its type and range allow.
std::optional<std::string> make_up_value(const OptionSpec &option, std::string_view kind,
                                         const std::filesystem::path &scratch) {
  switch (option.type) {
    case OptionType::kInt:
    case OptionType::kFloat:
    case OptionType::kSize:
    case OptionType::kDuration: {
      const double least = option.minimum.value_or(1) + (option.exclusive_minimum ? 1 : 0);
      const double value = std::min(std::max(least, 1.0), option.maximum.value_or(1e9));
      return fmt::format("{:g}{}", value,
                         option.type == OptionType::kSize       ? "B"
                         : option.type == OptionType::kDuration ? "s"
                                                                : "");
    }
    case OptionType::kBool:
      return "true";
    case OptionType::kChoice:
      return option.choices.front();
    case OptionType::kString:
      return "text";
    case OptionType::kPath:
      // Only an exporter makes its file; nobody can guess what another would like to read.
      if (kind == FLAME_KIND_EXPORTER) return (scratch / "exported.bin").string();
      return std::nullopt;
  }
  return std::nullopt;
}

}  // namespace

void Subject::at(std::string_view what) {
  const size_t size = std::min(what.size(), place_size_ - 1);
  memcpy(place_, what.data(), size);
  place_[size] = 0;
}

Result<PluginEntry> Subject::open() {
  if (entry_) return entry_;
  at("the loading of the library (its constructors ran)");
  const Result<PluginEntry> entry = load_plugin_library(facts_.file);
  at("what followed the loading of the library");
  if (!entry.ok()) {
    return broken("a library that can be loaded; " + entry.error().hint, entry.error().what);
  }
  entry_ = *entry;
  return entry_;
}

CheckedHost &Subject::make_host(CheckedHost::Shape shape) {
  hosts_.push_back(std::make_unique<CheckedHost>(shape));
  return *hosts_.back();
}

CheckedHost &Subject::host() {
  if (!host_) host_ = &make_host();
  return *host_;
}

Result<const flame_plugin *> Subject::enter(CheckedHost &host) {
  FLAME_ASSIGN(auto *entry, open());
  at("flame_plugin_entry_v1()");
  const flame_plugin *table = entry(host.get());
  at("a look at the table that the entry returned");
  if (table && table->struct_size > 0) return table;
  if (table) return broken("a table with its struct_size", "its struct_size is 0");
  const std::string log = host.log();
  return broken(std::string(kEntryReturns),
                log.empty() ? "it returned null and wrote no reason to flame.log/1"
                            : "it returned null; its log says: " + printable(log));
}

Result<const flame_plugin *> Subject::plugin() {
  if (!plugin_) {
    FLAME_ASSIGN(plugin_, enter(host()));
  }
  return plugin_;
}

Status Subject::start(size_t call_size) {
  FLAME_ASSIGN(const flame_plugin *table, plugin());
  if (!FLAME_HAS(flame_plugin, table, start)) {
    return broken("a table with a start function", "flame_plugin.start is not there");
  }
  CheckedCall call(call_size);
  at("start()");
  const flame_status status = table->start(call.get());
  at("what followed start()");
  return call.expect_success("start()", status);
}

void Subject::stop() {
  at("stop()");
  plugin_->stop();
  at("what followed stop()");
}

const void *Subject::query(flame_str id) {
  at(fmt::format("query(\"{}\")", printable({id.data, id.size})));
  const void *table = plugin_->query(id);
  at("what followed query()");
  return table;
}

Status Subject::fill_options(CheckedComponent &component) {
  for (const OptionSpec &option : component.spec.options) {
    std::optional<std::string> text = option.default_text;
    const auto given = facts_.settings.find(option.name);
    if (given != facts_.settings.end()) text = given->second;
    const bool own = given == facts_.settings.end() && option.required;
    if (own) text = make_up_value(option, component.spec.kind, facts_.scratch);
    if (!text && option.required) {
      component.hindrance = fmt::format(
          "the option '{}' of '{}' has no default; give one with "
          "--set {}=VALUE",
          option.name, component.spec.id, option.name);
      component.lacks_option = true;
      continue;
    }
    if (!text) continue;
    if (given == facts_.settings.end() && !own) {
      component.options.add(option, default_value(option));
      continue;
    }
    FLAME_ASSIGN(Scalar value, parse_scalar(option, *text, false));
    component.options.add(option, {option.name, option.list, {value}});
  }
  return {};
}

Result<std::vector<CheckedComponent>> Subject::components(std::string_view kind) {
  FLAME_ASSIGN(const flame_plugin *table, plugin());
  at("a look at the descriptor");
  FLAME_ASSIGN(const PluginSpec spec, read_descriptor(*table));
  FLAME_TRY(start());
  std::vector<CheckedComponent> all;
  for (const ComponentSpec &one : spec.components) {
    if (!kind.empty() && one.kind != kind) continue;
    CheckedComponent component;
    component.spec = one;
    component.kind = find_kind(one.kind);
    if (!component.kind) continue;
    component.table = query(component.kind->interface_id);
    if (!component.table) {
      return broken(fmt::format("query(\"{}\") gives the interface of '{}'",
                                component.kind->interface_id, one.id),
                    "it gave null");
    }
    FLAME_TRY(fill_options(component));
    if (one.kind == FLAME_KIND_BACKEND) {
      CheckedCall call;
      uint32_t count = 0;
      at("count()");
      FLAME_TRY(call.expect_success("count()", component.interface<flame_backend>()->count(
                                                   call.get(), component.id(), &count)));
      if (count == 0) component.lacks_option = false;
      if (count == 0) component.hindrance = "no device of '" + one.id + "' answers here";
    }
    all.push_back(std::move(component));
  }
  return all;
}

Result<void *> Subject::create(const CheckedComponent &component) {
  CheckedCall call;
  void *object = nullptr;
  const std::string function = fmt::format("creating '{}'", component.spec.id);
  at(function);
  const flame_status status =
      component.kind->create(component.table, call.get(), component.id(), component.options.data(),
                             component.options.size(), &object);
  at("what followed " + function);
  FLAME_TRY(call.expect_success(function, status));
  if (!object) return broken("a handle", function + " succeeded and gave null");
  return object;
}

void Subject::destroy(const CheckedComponent &component, void *object) {
  at(fmt::format("destroying '{}'", component.spec.id));
  component.kind->destroy(component.table, object);
  at("what followed the destruction of '" + component.spec.id + "'");
}

Status Subject::live_once() {
  FLAME_ASSIGN(const std::vector<CheckedComponent> all, components());
  for (const CheckedComponent &component : all) {
    if (!component.hindrance.empty()) continue;
    FLAME_ASSIGN(void *object, create(component));
    destroy(component, object);
  }
  stop();
  return {};
}

}  // namespace flame
