#include "core/plugin/interface.h"

#include <fmt/core.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <span>

#include "core/base/flame_text.h"
#include "core/base/terminal.h"
#include "flame/flame.h"

namespace flame {
namespace {

// Every kind's table is struct_size, a reserved word, and then functions alone; these are the ones
// of the first minor version, in their order.
struct InterfaceRule {
  std::string_view kind;
  std::string_view id;
  std::span<const std::string_view> functions;
};
struct TableHead {
  uint32_t struct_size;
  uint32_t reserved;
};

constexpr std::string_view kBackend[] = {"count", "describe", "open", "close", "query"};
constexpr std::string_view kModel[] = {"create", "destroy", "program_name", "build"};
constexpr std::string_view kAdapter[] = {"create", "destroy", "adapt"};
constexpr std::string_view kOptimizer[] = {"create", "destroy", "describe_state", "build"};
constexpr std::string_view kSampler[] = {"create",       "destroy",    "levels",
                                         "memory_count", "uses_noise", "build"};
constexpr std::string_view kData[] = {"create",           "destroy",  "count",
                                      "describe_example", "identity", "describe_field",
                                      "read_field",       "note"};
constexpr std::string_view kExporter[] = {"create", "destroy", "check", "write"};

constexpr InterfaceRule kRules[] = {
    {FLAME_KIND_BACKEND, FLAME_BACKEND_ID, kBackend},
    {FLAME_KIND_MODEL, FLAME_MODEL_ID, kModel},
    {FLAME_KIND_ADAPTER, FLAME_ADAPTER_ID, kAdapter},
    {FLAME_KIND_OPTIMIZER, FLAME_OPTIMIZER_ID, kOptimizer},
    {FLAME_KIND_SAMPLER, FLAME_SAMPLER_ID, kSampler},
    {FLAME_KIND_DATA, FLAME_DATA_SOURCE_ID, kData},
    {FLAME_KIND_EXPORTER, FLAME_EXPORTER_ID, kExporter},
};

// The lists above name the last function of each table at its place.
template <size_t N>
constexpr bool ends_at(const std::string_view (&)[N], size_t offset) {
  return offset == sizeof(TableHead) + (N - 1) * sizeof(void *);
}
static_assert(ends_at(kBackend, offsetof(flame_backend, query)));
static_assert(ends_at(kModel, offsetof(flame_model_interface, build)));
static_assert(ends_at(kAdapter, offsetof(flame_adapter_interface, adapt)));
static_assert(ends_at(kOptimizer, offsetof(flame_optimizer_interface, build)));
static_assert(ends_at(kSampler, offsetof(flame_sampler_interface, build)));
static_assert(ends_at(kData, offsetof(flame_data_source_interface, note)));
static_assert(ends_at(kExporter, offsetof(flame_exporter_interface, write)));

Status check_table(const void *table, const InterfaceRule &rule, const std::string &who) {
  TableHead head = {};
  memcpy(&head, table, sizeof head);
  const size_t least = sizeof head + rule.functions.size() * sizeof(void *);
  if (head.struct_size < least) {
    return plugin_error(fmt::format("{}: the table of {} has struct_size {}; expected {} or more",
                                    who, rule.id, head.struct_size, least));
  }
  for (size_t i = 0; i < rule.functions.size(); ++i) {
    uintptr_t function = 0;
    memcpy(&function, static_cast<const char *>(table) + sizeof head + i * sizeof function,
           sizeof function);
    if (function != 0) continue;
    return plugin_error(
        fmt::format("{}: the function {} of {} is null", who, rule.functions[i], rule.id));
  }
  return {};
}

}  // namespace

std::string interface_id(std::string_view kind) {
  return fmt::format("flame.{}/1", kind);
}

Result<const void *> query_interface(const flame_plugin &plugin, std::string_view kind) {
  const std::string id = interface_id(kind);
  const std::string who = fmt::format("plugin '{}'", printable(text_of(plugin.id)));
  const void *table = plugin.query(flame_text(id));
  if (!table) {
    return plugin_error(fmt::format(
        "{}: has a component of the kind {}, but query(\"{}\") gives null", who, kind, id));
  }
  const auto *rule =
      std::find_if(std::begin(kRules), std::end(kRules),
                   [&](const InterfaceRule &candidate) { return candidate.kind == kind; });
  if (rule != std::end(kRules)) FLAME_TRY(check_table(table, *rule, who));
  return table;
}

}  // namespace flame
