// The door of a plugin: its identity, its components and the one exported symbol.
//
//   FLAME_PLUGIN(plugin) {
//     plugin.id("org.example.sgd").version("0.1.0").vendor("Example").license("Apache-2.0")
//         .summary("Stochastic gradient descent.");
//     plugin.add<Sgd>("sgd", "Stochastic gradient descent with momentum.");
//   }
#pragma once

#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "flame/adapter.hpp"
#include "flame/backend.hpp"
#include "flame/data_source.hpp"
#include "flame/entry.h"
#include "flame/exporter.hpp"
#include "flame/log.hpp"
#include "flame/model.hpp"
#include "flame/optimizer.hpp"
#include "flame/sampler.hpp"

namespace flame {
inline namespace sdk {

namespace detail {
class Assembly;
}

// What FLAME_PLUGIN describes. The functions may be chained.
class Plugin {
 public:
  Plugin &id(std::string_view text) { return set(id_, text); }            // "org.example.sgd"
  Plugin &version(std::string_view text) { return set(version_, text); }  // "0.1.0"
  Plugin &vendor(std::string_view text) { return set(vendor_, text); }
  Plugin &license(std::string_view text) { return set(license_, text); }  // an SPDX expression
  Plugin &summary(std::string_view text) { return set(summary_, text); }

  // A shared library that must be there for the plugin to start: "libcuda.so.1".
  Plugin &needs_library(std::string_view name) {
    requirements_.emplace_back(name);
    return *this;
  }
  // A service without which the plugin is of no use: the entry refuses a host that lacks it.
  Plugin &needs_service(std::string_view id) {
    services_.emplace_back(id);
    return *this;
  }

  // A component: a class that derives from Device, Model, Adapter, Optimizer, Sampler, DataSource
  // or Exporter. If it has a nested struct Options, it is made from that.
  template <typename Class>
  Plugin &add(std::string_view id, std::string_view summary) {
    detail::Component component;
    component.kind = Class::kKind;
    component.id = id;
    component.summary = summary;
    component.options = detail::describe_options<Class>();
    if constexpr (std::is_base_of_v<Device, Class>) {
      component.create = detail::create_device<Class>;
      component.devices = Class::devices;
    } else {
      component.create = detail::create_component<BaseOf<Class>, Class>;
    }
    components_.push_back(std::move(component));
    return *this;
  }

  // Run by the first start() and the last stop(): load a driver, say, and release it. A failed
  // start leaves everything as it was.
  Plugin &on_start(void (*function)()) {
    start_ = function;
    return *this;
  }
  Plugin &on_stop(void (*function)() noexcept) {
    stop_ = function;
    return *this;
  }

 private:
  friend class detail::Assembly;

  template <typename Class>
  using BaseOf = std::conditional_t<
      std::is_base_of_v<Model, Class>, Model,
      std::conditional_t<
          std::is_base_of_v<Adapter, Class>, Adapter,
          std::conditional_t<
              std::is_base_of_v<Optimizer, Class>, Optimizer,
              std::conditional_t<std::is_base_of_v<Sampler, Class>, Sampler,
                                 std::conditional_t<std::is_base_of_v<DataSource, Class>,
                                                    DataSource, Exporter>>>>>;

  Plugin &set(std::string &member, std::string_view text) {
    member = text;
    return *this;
  }

  std::string id_, version_, vendor_, license_, summary_;
  std::vector<std::string> requirements_, services_;
  std::vector<detail::Component> components_;
  void (*start_)() = nullptr;
  void (*stop_)() noexcept = nullptr;
};

namespace detail {

// The C table of a plugin and everything that it points to. Hidden, as its one object is the
// plugin's own.
class __attribute__((visibility("hidden"))) Assembly {
 public:
  explicit Assembly(void (*describe)(Plugin &)) {
    describe(plugin_);
    for (const Component &component : plugin_.components_) add(component);
    for (const auto &component : components_) component_pointers_.push_back(&component->table);
    for (const std::string &name : plugin_.requirements_) requirements_.push_back(borrow(name));
    table_.struct_size = sizeof table_;
    table_.minor = FLAME_TARGET_MINOR;
    table_.id = borrow(plugin_.id_);
    table_.version = borrow(plugin_.version_);
    table_.vendor = borrow(plugin_.vendor_);
    table_.license = borrow(plugin_.license_);
    table_.summary = borrow(plugin_.summary_);
    table_.component_count = static_cast<uint32_t>(component_pointers_.size());
    table_.components = component_pointers_.data();
    table_.requirement_count = static_cast<uint32_t>(requirements_.size());
    table_.requirements = requirements_.data();
    table_.start = start;
    table_.stop = stop;
    table_.query = query;
  }
  Assembly(const Assembly &) = delete;
  Assembly &operator=(const Assembly &) = delete;

  // The table, or null if the host lacks a service; the reason is then in the log.
  const flame_plugin *serve(const flame_host *host) {
    globals.host = host;
    globals.log = find_service<flame_log>(FLAME_LOG_ID);
    globals.files = find_service<flame_files>(FLAME_FILES_ID);
    globals.components = &plugin_.components_;
    globals.device_texts = &device_texts_;
    for (const std::string &service : plugin_.services_) {
      if (find_service<void>(service)) continue;
      log_error(plugin_.id_, " ", plugin_.version_, " needs the service ", service, ", which ",
                view(host->name), " ", view(host->version), " (ABI ", FLAME_ABI_MAJOR, ".",
                host->minor, ") does not offer; use a newer host or an older plugin");
      return nullptr;
    }
    return &table_;
  }

 private:
  struct ComponentTable {
    std::deque<OptionDescriptor> options;
    std::vector<const flame_option *> option_pointers;
    flame_component table = {};
  };

  void add(const Component &component) {
    auto made = std::make_unique<ComponentTable>();
    for (const Option &option : component.options) {
      made->option_pointers.push_back(made->options.emplace_back(option).get());
    }
    made->table.struct_size = sizeof made->table;
    made->table.option_count = static_cast<uint32_t>(made->option_pointers.size());
    made->table.kind = borrow(component.kind);
    made->table.id = borrow(component.id);
    made->table.summary = borrow(component.summary);
    made->table.options = made->option_pointers.data();
    components_.push_back(std::move(made));
  }

  static Assembly *&current() noexcept {
    static Assembly *assembly = nullptr;
    return assembly;
  }

  static flame_status start(flame_call *call) noexcept {
    return guard(call, [] {
      Assembly &self = *current();
      if (self.starts_ == 0 && self.plugin_.start_) self.plugin_.start_();
      ++self.starts_;
    });
  }
  static void stop() noexcept {
    Assembly &self = *current();
    if (self.starts_ == 0) return;
    if (--self.starts_ == 0 && self.plugin_.stop_) self.plugin_.stop_();
  }

  bool has(std::string_view kind) const {
    for (const Component &component : plugin_.components_) {
      if (component.kind == kind) return true;
    }
    return false;
  }

  static const void *query(flame_str id) noexcept {
    const struct {
      std::string_view id, kind;
      const void *table;
    } kInterfaces[] = {
        {FLAME_BACKEND_ID, FLAME_KIND_BACKEND, &BackendTable::kTable},
        {FLAME_MODEL_ID, FLAME_KIND_MODEL, &ModelTable::kTable},
        {FLAME_WEIGHTS_ID, FLAME_KIND_MODEL, &WeightsTable::kTable},
        {FLAME_TOKENIZER_ID, FLAME_KIND_MODEL, &TokenizerTable::kTable},
        {FLAME_DIFFUSION_ID, FLAME_KIND_MODEL, &DiffusionTable::kTable},
        {FLAME_ADAPTER_ID, FLAME_KIND_ADAPTER, &AdapterTable::kTable},
        {FLAME_OPTIMIZER_ID, FLAME_KIND_OPTIMIZER, &OptimizerTable::kTable},
        {FLAME_SAMPLER_ID, FLAME_KIND_SAMPLER, &SamplerTable::kTable},
        {FLAME_DATA_SOURCE_ID, FLAME_KIND_DATA, &DataSourceTable::kTable},
        {FLAME_EXPORTER_ID, FLAME_KIND_EXPORTER, &ExporterTable::kTable},
    };
    for (const auto &offered : kInterfaces) {
      if (offered.id == view(id) && current()->has(offered.kind)) return offered.table;
    }
    return nullptr;
  }

  friend const flame_plugin *enter(const flame_host *, void (*)(Plugin &)) noexcept;

  Plugin plugin_;
  std::set<std::string> device_texts_;
  std::vector<std::unique_ptr<ComponentTable>> components_;
  std::vector<const flame_component *> component_pointers_;
  std::vector<flame_str> requirements_;
  flame_plugin table_ = {};
  uint32_t starts_ = 0;  // start and stop are [init]: never two at a time
};

inline void log_to(const flame_host *host, std::string_view message) noexcept {
  const void *service = host->query(host, FLAME_STR(FLAME_LOG_ID));
  if (!service) return;
  const auto *log = static_cast<const flame_log *>(service);
  log->write(log->self, FLAME_LOG_ERROR, borrow(message));
}

// The body of flame_plugin_entry_v1: makes the table once and lets nothing out.
__attribute__((visibility("hidden"))) inline const flame_plugin *enter(
    const flame_host *host, void (*describe)(Plugin &)) noexcept {
  if (!host || !FLAME_HAS(flame_host, host, query)) return nullptr;  // nowhere to say why
  try {
    static Assembly assembly(describe);
    Assembly::current() = &assembly;
    return assembly.serve(host);
  } catch (const std::exception &error) {
    log_to(host, error.what());
  } catch (...) {
    log_to(host, "the plugin threw something that is no std::exception while it described itself");
  }
  return nullptr;
}

}  // namespace detail
}  // namespace sdk
}  // namespace flame

// Defines the plugin's entry. Stands once in a plugin, outside of every namespace, before the block
// that describes it.
#define FLAME_PLUGIN(plugin)                                                                \
  static void flame_describe(::flame::Plugin &plugin);                                      \
  extern "C" FLAME_EXPORT const flame_plugin *flame_plugin_entry_v1(const flame_host *host) \
      FLAME_NOEXCEPT {                                                                      \
    return ::flame::detail::enter(host, &flame_describe);                                   \
  }                                                                                         \
  static void flame_describe(::flame::Plugin &plugin)
