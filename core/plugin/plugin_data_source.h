// A data source of a plugin: examples with their variants, read one at a time.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/plugin/attribute_list.h"
#include "core/tensor/host_tensor.h"
#include "flame/data_source.h"

namespace flame {

// What an example is for the host; see flame_example.
struct ExampleInfo {
  double repeats = 1;
  double loss_weight = 1;
  uint64_t picture_variants = 1;
  uint64_t caption_variants = 1;  // 0: any number is one
};

// Which variant of an example is read.
struct ExampleDraw {
  uint64_t picture = 0;
  uint64_t caption = 0;

  bool operator==(const ExampleDraw &) const = default;
};

// The fields of one draw: the texts, and the types of the tensors.
struct ExampleFields {
  std::map<std::string, std::string> texts;
  std::map<std::string, TensorType> tensors;

  // "" if there is none.
  std::string_view text(const std::string &name) const;
};

struct DataNote {
  bool warning = false;
  std::string text;
};

// Owns the plugin's object; the plugin stays started as long as this lives. One thread at a time.
// Every function's errors are the plugin's own, or kBadPlugin that says how it breaks
// flame/data_source.h.
class PluginDataSource {
 public:
  // Finds the examples. `options` are the component's with defaults filled in.
  static Result<PluginDataSource> create(const flame_data_source_interface &table,
                                         std::string plugin_id, std::string_view component,
                                         const AttributeList &options);

  uint64_t count() const { return count_; }
  Result<ExampleInfo> info(uint64_t example) const;
  // Stands for the tensors of the example: same text and same picture draw, same elements.
  Result<std::string> identity(uint64_t example) const;
  Result<ExampleFields> fields(uint64_t example, ExampleDraw draw) const;
  // One tensor; `name` is one of fields().tensors. kStorage if this example cannot be read, in
  // which case others may still be.
  Result<HostTensor> read(uint64_t example, ExampleDraw draw, std::string_view name) const;
  Result<std::vector<DataNote>> notes() const;

 private:
  struct Destroy {
    const flame_data_source_interface *table;
    void operator()(flame_data_source *source) const { table->destroy(source); }
  };
  using Handle = std::unique_ptr<flame_data_source, Destroy>;
  struct KnownField {
    uint32_t index = 0;
    std::string name;
    bool is_text = false;
    std::string text;
    TensorType type;
  };

  PluginDataSource(std::string plugin_id, Handle handle)
      : plugin_id_(std::move(plugin_id)), handle_(std::move(handle)) {}

  const flame_data_source_interface &table() const { return *handle_.get_deleter().table; }
  Error broken(std::string_view what) const;
  Result<std::vector<KnownField>> known_fields(uint64_t example, ExampleDraw draw) const;
  Result<KnownField> judged(const flame_field &field, uint64_t example, uint32_t index) const;

  std::string plugin_id_;
  Handle handle_;
  uint64_t count_ = 0;
};

}  // namespace flame
