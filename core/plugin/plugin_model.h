// Models of plugins: the programs that they describe, without a weight or a device.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/plugin/attribute_list.h"
#include "core/program/program.h"
#include "flame/model.h"

namespace flame {

// Owns the plugin's object; the plugin stays started as long as this lives. One thread at a time.
class PluginModel {
 public:
  // `options` are the component's with defaults filled in. Errors: the plugin's own, or kBadPlugin
  // that says how it breaks flame/model.h.
  static Result<PluginModel> create(const flame_model_interface &table, std::string plugin_id,
                                    std::string_view component, const AttributeList &options);

  // In the plugin's order; at least one.
  const std::vector<std::string> &programs() const { return programs_; }

  // Builds one for the sizes ("batch", 2). The error for a program that is not there names those
  // that are.
  Result<Program> build(std::string_view program,
                        const std::vector<std::pair<std::string, int64_t>> &sizes) const;

 private:
  struct Destroy {
    const flame_model_interface *table;
    void operator()(flame_model *model) const { table->destroy(model); }
  };
  using Handle = std::unique_ptr<flame_model, Destroy>;

  PluginModel(std::string plugin_id, Handle handle)
      : plugin_id_(std::move(plugin_id)), handle_(std::move(handle)) {}

  const flame_model_interface &table() const { return *handle_.get_deleter().table; }
  Status read_programs();
  Error broken(std::string_view what) const;

  std::string plugin_id_;
  Handle handle_;
  std::vector<std::string> programs_;
};

}  // namespace flame
