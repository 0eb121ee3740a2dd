// A map while it grows: its code, and inputs that are values of the program under another shape.
#pragma once

#include <optional>
#include <vector>

#include "core/program/program.h"
#include "flame/map_code.hpp"

namespace flame {

// What a map takes: a value, seen under `shape` (of equal element count).
struct MapInput {
  ValueId value = 0;
  Shape shape;

  friend bool operator==(const MapInput &, const MapInput &) = default;
};

struct MapForm {
  MapCode code;
  std::vector<MapInput> inputs;
  std::vector<DType> dtypes;  // of the outputs
  Shape shape;                // of the outputs
  bool wide = false;          // computed in f64

  int64_t element_count() const { return shape.element_count(); }
};

// The node as a map, if it is one: a map, or a cast between floats. Nothing for other nodes.
std::optional<MapForm> map_form(const Program &program, const Node &node);

// Whether any type is f64, so that the map computes in it.
bool computes_wide(const Program &program, const std::vector<MapInput> &inputs,
                   const std::vector<DType> &dtypes);

// The shape that the inputs broadcast to; nothing if they do not.
std::optional<Shape> broadcast_shape(const std::vector<MapInput> &inputs);

// The form with its outputs reshaped to `shape`; nothing if an input cannot follow.
std::optional<MapForm> reshaped(const MapForm &form, const Shape &shape);

// Whether a map that reads output `index` gets the same from the code itself as from memory, but
// for the rounding of bf16 and f16.
bool may_skip_memory(const Program &program, const MapForm &form, size_t index);

}  // namespace flame
