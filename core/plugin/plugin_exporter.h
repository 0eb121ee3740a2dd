// An exporter of a plugin: named tensors of the host, written as a file that other programs read.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/plugin/attribute_list.h"
#include "core/tensor/host_tensor.h"
#include "flame/exporter.h"

namespace flame {

// A tensor that is made when the exporter reads it, for sets that are too large to hold.
struct ExportTensor {
  TensorType type;
  std::function<Result<HostTensor>()> read;
};
using ExportTensors = std::map<std::string, ExportTensor>;  // by name

// Text for the file's metadata, by name.
using ExportFacts = std::vector<std::pair<std::string, std::string>>;

// Owns the plugin's object; the plugin stays started as long as this lives. One thread at a time.
class PluginExporter {
 public:
  // `options` are the component's with defaults filled in. Errors: the plugin's own, or kBadPlugin.
  static Result<PluginExporter> create(const flame_exporter_interface &table, std::string plugin_id,
                                       std::string_view component, const AttributeList &options);

  // The layout in which the layers of a part are named; empty for the names of programs.
  Result<std::string> layer_layout(std::string_view part) const;

  // Can these be written? Errors: the plugin's own, which name what cannot.
  Status check(const TensorMap &tensors) const;
  // Asks first whether it can be written at all, then writes the file, whole or not at all. Errors:
  // the plugin's own, which name what cannot be written; kStorage.
  Status write(const TensorMap &tensors, const ExportFacts &facts) const;
  // The same, one tensor at a time. An error of `read` is what comes back.
  Status write(const ExportTensors &tensors, const ExportFacts &facts) const;

 private:
  struct Destroy {
    const flame_exporter_interface *table;
    void operator()(flame_exporter *exporter) const { table->destroy(exporter); }
  };
  using Handle = std::unique_ptr<flame_exporter, Destroy>;

  PluginExporter(std::string plugin_id, Handle handle)
      : plugin_id_(std::move(plugin_id)), handle_(std::move(handle)) {}

  Status write_shown(const flame_parameters *shown, const ExportFacts &facts) const;

  const flame_exporter_interface &table() const { return *handle_.get_deleter().table; }

  std::string plugin_id_;
  Handle handle_;
};

}  // namespace flame
