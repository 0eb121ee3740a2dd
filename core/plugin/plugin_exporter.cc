#include "core/plugin/plugin_exporter.h"

#include <fmt/core.h>

#include <algorithm>
#include <cstring>
#include <optional>

#include "core/base/call_scope.h"
#include "core/base/flame_text.h"
#include "core/tensor/convert.h"

namespace flame {
namespace {

// The tensors as the contract shows them to a plugin. Lives through one call.
class ShownTensors {
 public:
  explicit ShownTensors(const TensorMap &tensors) : ShownTensors() {
    for (const auto &[name, tensor] : tensors)
      shown_.push_back({&name, &tensor.type, &tensor, nullptr, {}});
    add_strides();
  }
  explicit ShownTensors(const ExportTensors &tensors) : ShownTensors() {
    for (const auto &[name, tensor] : tensors)
      shown_.push_back({&name, &tensor.type, nullptr, &tensor.read, {}});
    add_strides();
  }
  const flame_parameters *get() const { return &table_; }
  // Why a tensor could not be made.
  const std::optional<Error> &failure() const { return failure_; }

 private:
  struct Shown {
    const std::string *name;
    const TensorType *type;
    const HostTensor *tensor;  // null if it is made by `read`
    const std::function<Result<HostTensor>()> *read;
    std::vector<int64_t> strides;
  };

  ShownTensors() : table_{sizeof table_, 0, this, count_of, describe, read} {}

  void add_strides() {
    for (Shown &each : shown_) {
      const Shape &shape = each.type->shape;
      each.strides.resize(shape.rank());
      int64_t stride = 1;
      for (size_t axis = shape.rank(); axis-- > 0; stride *= std::max<int64_t>(shape[axis], 1))
        each.strides[axis] = stride;
    }
  }
  static ShownTensors &of(void *self) { return *static_cast<ShownTensors *>(self); }
  static uint64_t count_of(void *self) noexcept { return of(self).shown_.size(); }

  static flame_status describe(void *self, flame_call *call, uint64_t index, flame_str *name,
                               flame_tensor *view) noexcept {
    const auto &shown = of(self).shown_;
    if (index >= shown.size())
      return CallScope::service_failed(call, FLAME_ERROR_INVALID_ARGUMENT,
                                       "there is no such parameter");
    const Shown &each = shown[index];
    const TensorType &type = *each.type;
    *name = flame_text(*each.name);
    const flame_tensor full{view->struct_size,
                            to_abi(type.dtype),
                            static_cast<uint32_t>(type.shape.rank()),
                            FLAME_DEVICE_CPU,
                            type.shape.sizes().data(),
                            each.strides.data(),
                            nullptr,
                            0,
                            static_cast<uint64_t>(type.size_bytes())};
    std::memcpy(view, &full, std::min<size_t>(view->struct_size, sizeof full));
    return FLAME_OK;
  }

  static flame_status read(void *self, flame_call *call, uint64_t index,
                           const flame_tensor *into) noexcept {
    const auto &shown = of(self).shown_;
    if (index >= shown.size())
      return CallScope::service_failed(call, FLAME_ERROR_INVALID_ARGUMENT,
                                       "there is no such parameter");
    if (shown[index].tensor) return copy(call, shown[index], *shown[index].tensor, *into);
    const Result<HostTensor> made = (*shown[index].read)();
    if (made.ok()) return copy(call, shown[index], *made, *into);
    of(self).failure_ = made.error();
    return CallScope::service_failed(call, FLAME_ERROR_FAILED, made.error().what);
  }

  static flame_status copy(flame_call *call, const Shown &from, const HostTensor &tensor,
                           const flame_tensor &into) noexcept;

  std::optional<Error> failure_;
  std::vector<Shown> shown_;
  flame_parameters table_;
};

// Whole tensors without gaps; what else `into` may be is nobody's use.
flame_status ShownTensors::copy(flame_call *call, const Shown &from, const HostTensor &tensor,
                                const flame_tensor &into) noexcept {
  const auto refuse = [&](std::string_view why) {
    return CallScope::service_failed(call, FLAME_ERROR_INVALID_ARGUMENT, why);
  };
  const TensorType &type = tensor.type;
  const std::optional<DType> dtype = dtype_from_abi(into.dtype);
  if (!dtype) return refuse("the tensor to read into has an element type that does not exist");
  const std::span<const int64_t> shape = type.shape.sizes();
  if (into.rank != shape.size() || !std::equal(shape.begin(), shape.end(), into.shape) ||
      !std::equal(from.strides.begin(), from.strides.end(), into.strides))
    return refuse("the tensor to read into has another shape, or gaps");
  const auto size = static_cast<uint64_t>(TensorType{*dtype, type.shape}.size_bytes());
  if (into.device != FLAME_DEVICE_CPU || !into.data || into.byte_offset > into.buffer_size ||
      into.buffer_size - into.byte_offset < size)
    return refuse("the tensor to read into has too little memory, or none of the processor's");
  std::byte *to = static_cast<std::byte *>(into.data) + into.byte_offset;
  if (convert_elements(type.dtype, tensor.bytes, *dtype, {to, size})) return FLAME_OK;
  return CallScope::service_failed(
      call, FLAME_ERROR_NUMERIC,
      fmt::format("'{}' holds numbers that are not finite in {}", *from.name, name_of(*dtype)));
}

}  // namespace

Result<PluginExporter> PluginExporter::create(const flame_exporter_interface &table,
                                              std::string plugin_id, std::string_view component,
                                              const AttributeList &options) {
  flame_exporter *made = nullptr;
  {
    CallScope scope(plugin_id, "flame.exporter/1 create");
    FLAME_TRY(scope.finish(
        table.create(scope.call(), flame_text(component), options.data(), options.size(), &made)));
  }
  PluginExporter exporter(std::move(plugin_id), Handle(made, {&table}));
  if (made) return exporter;
  return plugin_error(
      fmt::format("{}: the exporter was created, but is a null pointer", exporter.plugin_id_),
      "use another version of the plugin, or tell its author");
}

Result<std::string> PluginExporter::layer_layout(std::string_view part) const {
  if (!FLAME_HAS(flame_exporter_interface, &table(), layer_layout)) return std::string();
  flame_str layout{};
  CallScope scope(plugin_id_, "flame.exporter/1 layer_layout");
  FLAME_TRY(
      scope.finish(table().layer_layout(handle_.get(), scope.call(), flame_text(part), &layout)));
  return std::string(text_of(layout));
}

Status PluginExporter::check(const TensorMap &tensors) const {
  const ShownTensors shown(tensors);
  CallScope scope(plugin_id_, "flame.exporter/1 check");
  return scope.finish(table().check(handle_.get(), scope.call(), shown.get()));
}

Status PluginExporter::write_shown(const flame_parameters *shown, const ExportFacts &facts) const {
  {
    CallScope scope(plugin_id_, "flame.exporter/1 check");
    FLAME_TRY(scope.finish(table().check(handle_.get(), scope.call(), shown)));
  }
  AttributeList texts;
  for (const auto &[name, text] : facts) texts.add_string(name, text);
  CallScope scope(plugin_id_, "flame.exporter/1 write");
  return scope.finish(
      table().write(handle_.get(), scope.call(), shown, texts.data(), texts.size()));
}

Status PluginExporter::write(const TensorMap &tensors, const ExportFacts &facts) const {
  return write_shown(ShownTensors(tensors).get(), facts);
}

Status PluginExporter::write(const ExportTensors &tensors, const ExportFacts &facts) const {
  const ShownTensors shown(tensors);
  const Status status = write_shown(shown.get(), facts);
  if (!status.ok() && shown.failure()) return *shown.failure();
  return status;
}

}  // namespace flame
