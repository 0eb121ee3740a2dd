// An adapter: one class that says what stands in place of a layer.
#pragma once

#include <optional>
#include <string_view>

#include "flame/adapter.h"
#include "flame/component.hpp"
#include "flame/program.hpp"

namespace flame {
inline namespace sdk {

// What random numbers of a step are drawn with; see flame_layer_draw.
struct LayerDraw {
  int64_t stream = 0;
  Value seed;
  Value counter;
  Value learning;
};

// A layer that may be adapted. Valid until the call returns.
struct Layer {
  std::string_view name;  // of its weight, without ".weight"
  std::string_view op;    // "linear" or "conv2d"
  Value input;
  Value weight;
  Value output;  // of the layer as it is
  Attributes attributes;
  std::optional<LayerDraw> draw;  // in a program that learns
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

inline std::optional<LayerDraw> draw_of(const flame_program_builder *builder,
                                        const flame_layer &layer) {
  if (!FLAME_HAS(flame_layer, &layer, draw)) return {};
  const flame_layer_draw &draw = *layer.draw;
  return LayerDraw{draw.stream, Value(builder, draw.seed), Value(builder, draw.counter),
                   Value(builder, draw.learning)};
}

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
                           Attributes(layer->attributes, layer->attribute_count),
                           draw_of(builder, *layer)};
      *out = object(handle)->adapt(program, given).id();
    });
  }
  static constexpr flame_adapter_interface kTable = {sizeof(flame_adapter_interface), 0, create,
                                                     destroy, adapt};
};

}  // namespace detail
}  // namespace sdk
}  // namespace flame
