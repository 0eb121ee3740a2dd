// The code of a map, compiled: steps over blocks, each reading and writing slots.
#pragma once

#include <vector>

#include "backends/onednn/value_class.h"
#include "flame/map_code.hpp"

namespace flame::onednn {

// A slot is a place for one block of values. Numbers count on in this order: inputs, constants,
// registers (used again when their value is dead), then the outputs that steps write in place.
using Slot = uint32_t;

struct ElementwiseProgram {
  struct Step {
    enum class Kind : uint8_t {
      kFunction,
      kConvert,  // from `from` to `value_class`
      kPair,     // two functions of f32 in one; see elementwise_pairs.h
    };
    Kind kind;
    ValueClass value_class;
    ValueClass from;
    uint32_t function;
    uint32_t second;   // of a pair
    bool swapped;      // of a pair
    uint32_t repeats;  // bit k: operand k is a number, or an input that is one
    Slot operands[3];
    Slot out;
  };
  struct Constant {
    Slot slot;
    ValueClass value_class;
    double number;
    int64_t integer;  // for kInteger and kBool
  };
  struct Output {
    Slot slot;
    ValueClass value_class;
    bool direct;  // the slot is the output's own memory
  };

  std::vector<ValueClass> inputs;  // the class to which each is loaded
  std::vector<Constant> constants;
  std::vector<Step> steps;
  std::vector<Output> outputs;
  uint32_t slot_count = 0;
};

// What the compiler must know of the tensors. Outputs with `direct` lie like values and may be
// written by steps.
struct ElementwiseTypes {
  std::vector<flame_dtype> inputs;
  std::vector<flame_dtype> outputs;
  std::vector<bool> direct;
  // By output: the inputs in whose memory it may stand; it is then written after their last reading.
  std::vector<std::vector<bool>> shared;
  std::vector<bool> repeats;  // inputs that are one number for all elements
};

ElementwiseProgram compile(const MapCode &code, const ElementwiseTypes &types);

}  // namespace flame::onednn
