#include "core/plugin/plugin_model.h"

#include <fmt/core.h>

#include <algorithm>

#include "core/base/call_scope.h"
#include "core/base/flame_text.h"
#include "core/base/suggest.h"
#include "core/base/terminal.h"
#include "core/base/text.h"
#include "core/base/utf8.h"
#include "core/program/builder_bridge.h"

namespace flame {
namespace {

// Far more than a model has parts.
constexpr uint32_t kMaxPrograms = 256;

}  // namespace

Error PluginModel::broken(std::string_view what) const {
  return plugin_error(fmt::format("{}: the model {}", plugin_id_, what),
                      "use another version of the plugin, or tell its author");
}

Result<PluginModel> PluginModel::create(const flame_model_interface &table, std::string plugin_id,
                                        std::string_view component, const AttributeList &options,
                                        ModelExtras extras) {
  flame_model *made = nullptr;
  {
    CallScope scope(plugin_id, "flame.model/1 create");
    FLAME_TRY(scope.finish(
        table.create(scope.call(), flame_text(component), options.data(), options.size(), &made)));
  }
  PluginModel model(std::move(plugin_id), std::string(component), Handle(made, {&table}), extras);
  if (!made) return model.broken("was created, but is a null pointer");
  FLAME_TRY(model.read_programs());
  FLAME_TRY(model.read_layouts());
  return model;
}

Status PluginModel::read_programs() {
  for (uint32_t index = 0;; ++index) {
    flame_str text{};
    CallScope scope(plugin_id_, "flame.model/1 program_name");
    const flame_status status = table().program_name(handle_.get(), scope.call(), index, &text);
    if (status == FLAME_ERROR_END) break;
    FLAME_TRY(scope.finish(status));
    if (index == kMaxPrograms)
      return broken(fmt::format("has more than {} programs", kMaxPrograms));
    const std::string name(text_of(text));
    if (name.empty() || !is_utf8(name) || std::ranges::find(programs_, name) != programs_.end())
      return broken(fmt::format("names its program {} '{}', expected a name of its own in UTF-8",
                                index, printable(name)));
    programs_.push_back(name);
  }
  if (programs_.empty()) return broken("has no program");
  return {};
}

Result<Program> PluginModel::build(
    std::string_view program, const std::vector<std::pair<std::string, int64_t>> &sizes) const {
  if (std::ranges::find(programs_, program) == programs_.end()) {
    std::string hint = did_you_mean(program, programs_);
    if (hint.empty()) hint = "its programs are " + join(programs_, ", ");
    return config_error(fmt::format("the model has no program '{}'", printable(program)),
                        std::move(hint));
  }
  AttributeList list;
  for (const auto &[name, size] : sizes) list.add_int(name, size);
  ProgramBuilder builder;
  BuilderBridge bridge(builder);
  CallScope scope(plugin_id_, "flame.model/1 build");
  FLAME_TRY(scope.finish(table().build(handle_.get(), scope.call(), flame_text(program),
                                       list.data(), list.size(), bridge.table())));
  return builder.finish();
}

}  // namespace flame
