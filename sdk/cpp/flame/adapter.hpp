// An adapter: one class that says what stands in place of a layer.
#pragma once

#include <string_view>

#include "flame/adapter.h"
#include "flame/component.hpp"
#include "flame/program.hpp"

namespace flame {
inline namespace sdk {

// A layer that may be adapted. Valid until the call returns.
struct Layer {
  std::string_view name;  // of its weight, without ".weight"
  std::string_view op;    // "linear" or "conv2d"
  Value input;
  Value weight;
  Value output;  // of the layer as it is
  Attributes attributes;
};

// The host asks one thread at a time for each object.
class Adapter {
 public:
  static constexpr const char *kKind = FLAME_KIND_ADAPTER;
  virtual ~Adapter() = default;

  // What replaces layer.output; layer.output itself leaves the layer alone. The scope of the layer
  // is open.
  virtual Value adapt(Program &program, const Layer &layer) = 0;
};

namespace detail {

struct AdapterTable : Lifetime<Adapter, flame_adapter> {
  static flame_status adapt(flame_adapter *handle, flame_call *call, const flame_layer *layer,
                            const flame_program_builder *builder, flame_value *out) noexcept {
    return guard(call, [&] {
      Program program(builder);
      const Layer given = {view(layer->name),
                           view(layer->op),
                           Value(builder, layer->input),
                           Value(builder, layer->weight),
                           Value(builder, layer->output),
                           Attributes(layer->attributes, layer->attribute_count)};
      *out = object(handle)->adapt(program, given).id();
    });
  }
  static constexpr flame_adapter_interface kTable = {sizeof(flame_adapter_interface), 0, create,
                                                     destroy, adapt};
};

}  // namespace detail
}  // namespace sdk
}  // namespace flame
