// Hosts of other minor versions, older and newer: every plugin of the major version meets them.
#include <fmt/core.h>

#include <algorithm>
#include <cstring>

#include "core/plugin/validate/for_each.h"
#include "flame/flame.h"

namespace flame {
namespace {

// More than any minor version will add.
constexpr size_t kLonger = 256;

// The whole life of a plugin with a host of that shape. A plugin that cannot live with it says so
// in the log or through fail, and that is right too.
Result<Done> live_with(Subject &subject, CheckedHost::Shape shape, std::string_view refusal) {
  CheckedHost &host = subject.make_host(shape);
  FLAME_ASSIGN(const PluginEntry entry, subject.open());
  subject.at("flame_plugin_entry_v1()");
  const flame_plugin *table = entry(host.get());
  if (!table) {
    if (!refusal.empty()) return skipped(std::string(refusal));
    if (!host.log().empty()) return skipped("the plugin refused this host: " + host.log());
    return broken("a table, or the reason in flame.log/1", "null, and nothing in the log");
  }
  CheckedCall call;
  subject.at("start()");
  const flame_status status = table->start(call.get());
  FLAME_TRY(call.judge("start()", status));
  if (status != FLAME_OK) {
    return skipped("the plugin refused this host: " + std::string(call.message()));
  }
  subject.at("stop()");
  table->stop();
  return passed();
}

Result<Done> newer_host(Subject &subject) {
  CheckedHost::Shape shape;
  shape.host_size = sizeof(flame_host) + kLonger;
  shape.log_size = sizeof(flame_log) + kLonger;
  shape.minor = FLAME_ABI_MINOR + 99;
  FLAME_ASSIGN(const Done done, live_with(subject, shape, {}));
  if (done.skipped.empty()) return passed();
  return broken("a plugin lives with every newer minor version of its major", done.skipped);
}

Result<Done> host_without_services(Subject &subject) {
  CheckedHost::Shape shape;
  shape.services = false;
  return live_with(subject, shape,
                   "the plugin needs a service; without flame.log/1 it cannot say which");
}

Result<Done> host_cut_before_query(Subject &subject) {
  CheckedHost::Shape shape;
  shape.host_size = offsetof(flame_host, query);
  FLAME_ASSIGN(const Done done, live_with(subject, shape, "the entry returned null, as it may"));
  // Refusing is all that is left where the host gives nothing; what counts is that it was survived.
  return done.skipped.empty() ? done : passed();
}

Result<Done> long_call(Subject &subject) {
  FLAME_TRY(subject.start(sizeof(flame_call) + kLonger));
  subject.stop();
  return passed();
}

Result<Done> short_call(Subject &subject) {
  FLAME_TRY(subject.start(offsetof(flame_call, stream)));
  subject.stop();
  return passed();
}

Result<Done> short_and_long_call_to_create(Subject &subject) {
  return for_each_component(subject, {}, [&](const CheckedComponent &component) -> Status {
    for (const size_t size : {offsetof(flame_call, stream), sizeof(flame_call) + kLonger}) {
      CheckedCall call(size);
      void *object = nullptr;
      subject.at(
          fmt::format("creating '{}' with a flame_call of {} bytes", component.spec.id, size));
      FLAME_TRY(call.expect_success(
          "creating '" + component.spec.id + "'",
          component.kind->create(component.table, call.get(), component.id(),
                                 component.options.data(), component.options.size(), &object)));
      subject.destroy(component, object);
    }
    return {};
  });
}

// Calls `fill` with structs that are shorter and longer than the plugin's own.
template <typename Struct, typename Fill>
Status fills_within_size(Subject &subject, std::string_view function, size_t least, Fill &&fill) {
  for (const size_t size : {least, sizeof(Struct), sizeof(Struct) + kLonger}) {
    const SizedStruct<Struct> out(Struct{}, size);
    CheckedCall call;
    subject.at(fmt::format("{} with a struct of {} bytes", function, size));
    const flame_status status = fill(call.get(), out.get());
    FLAME_TRY(call.judge(function, status));
    if (status == FLAME_ERROR_END) return {};
    FLAME_TRY(call.expect_success(function, status));
    if (out.get()->struct_size != size) {
      return broken(
          "struct_size is left as the host set it",
          fmt::format("{} changed it from {} to {}", function, size, out.get()->struct_size));
    }
    if (out.untouched_from(sizeof(Struct))) continue;
    return broken("only what struct_size and the plugin's own minor version cover is written",
                  fmt::format("{} wrote behind byte {}", function, sizeof(Struct)));
  }
  return {};
}

Result<Done> device_info_sizes(Subject &subject) {
  return for_each_component(subject, FLAME_KIND_BACKEND, [&](const CheckedComponent &component) {
    const auto *backend = component.interface<flame_backend>();
    return fills_within_size<flame_device_info>(
        subject, "describe()", offsetof(flame_device_info, description),
        [&](flame_call *call, flame_device_info *out) {
          return backend->describe(call, component.id(), 0, out);
        });
  });
}

Result<Done> state_info_sizes(Subject &subject) {
  return for_each_object<flame_optimizer>(
      subject, FLAME_KIND_OPTIMIZER,
      [&](const CheckedComponent &component, flame_optimizer *optimizer) {
        const auto *table = component.interface<flame_optimizer_interface>();
        return fills_within_size<flame_state_info>(
            subject, "describe_state()", offsetof(flame_state_info, initial),
            [&](flame_call *call, flame_state_info *out) {
              return table->describe_state(optimizer, call, 0, out);
            });
      });
}

Result<Done> field_sizes(Subject &subject) {
  return for_each_object<flame_data_source>(
      subject, FLAME_KIND_DATA,
      [&](const CheckedComponent &component, flame_data_source *source) -> Status {
        const auto *table = component.interface<flame_data_source_interface>();
        subject.at("count()");
        if (table->count(source) == 0) return {};
        return fills_within_size<flame_field>(
            subject, "describe_field()", offsetof(flame_field, text),
            [&](flame_call *call, flame_field *out) {
              return table->describe_field(source, call, 0, {0, 0}, 0, out);
            });
      });
}

Result<Done> example_sizes(Subject &subject) {
  return for_each_object<flame_data_source>(
      subject, FLAME_KIND_DATA,
      [&](const CheckedComponent &component, flame_data_source *source) -> Status {
        const auto *table = component.interface<flame_data_source_interface>();
        subject.at("count()");
        if (table->count(source) == 0) return {};
        return fills_within_size<flame_example>(
            subject, "describe_example()", offsetof(flame_example, loss_weight),
            [&](flame_call *call, flame_example *out) {
              return table->describe_example(source, call, 0, out);
            });
      });
}

constexpr Check kChecks[] = {
    {"skew.newer-host",
     "flame/abi.h: host and plugin of one major version always load each other, whatever their "
     "minors",
     Stage::kEntered, newer_host},
    {"skew.host-without-services",
     "flame/entry.h: query gives null for a service that is not there", Stage::kEntered,
     host_without_services},
    {"skew.host-cut-before-query",
     "flame/abi.h: a field is read only if FLAME_HAS says that it is there", Stage::kEntered,
     host_cut_before_query},
    {"skew.long-call", "flame/abi.h: structs grow at their end", Stage::kStarted, long_call},
    {"skew.short-call", "flame/abi.h: a field is read only if FLAME_HAS says that it is there",
     Stage::kStarted, short_call},
    {"skew.create-with-other-calls",
     "flame/abi.h: a field is read only if FLAME_HAS says that it is there", Stage::kStarted,
     short_and_long_call_to_create},
    {"skew.device-info-sizes",
     "flame/backend.h: flame_device_info is filled no further than struct_size", Stage::kStarted,
     device_info_sizes},
    {"skew.state-info-sizes",
     "flame/optimizer.h: flame_state_info is filled no further than struct_size", Stage::kStarted,
     state_info_sizes},
    {"skew.field-sizes", "flame/data_source.h: flame_field is filled no further than struct_size",
     Stage::kStarted, field_sizes},
    {"skew.example-sizes",
     "flame/data_source.h: flame_example is filled no further than struct_size", Stage::kStarted,
     example_sizes},
};

}  // namespace

std::span<const Check> skew_checks() {
  return kChecks;
}

}  // namespace flame
