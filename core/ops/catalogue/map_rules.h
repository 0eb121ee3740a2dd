// What the op `map` and the passes over maps need: typed code, pieces put together, the gradient.
#pragma once

#include <map>
#include <optional>
#include <tuple>

#include "core/ops/catalogue/terms.h"
#include "flame/map_code.hpp"

namespace flame {

ScalarClass scalar_class(DType dtype);

// The element type that an output has if the op does not name one: of a float result, the joined
// type of the float inputs (f32 without any, and for f8 ones); of an integer result, the widest
// integer input (i64 without any); of a truth, bool.
DType default_map_dtype(ScalarClass result, const std::vector<TensorType> &inputs);

// Puts code together. Equal instructions are kept once.
class MapCodeBuilder {
 public:
  MapOperand add(const ScalarFunction &function, const MapOperand (&operands)[3]);
  MapOperand add(std::string_view function, const MapOperand &a, const MapOperand &b);
  // Adds `code` with its inputs replaced and gives what its outputs are then.
  std::vector<MapOperand> splice(const MapCode &code, const std::vector<MapOperand> &inputs);
  // What the result of instruction i of the code that was spliced last has become.
  const std::vector<MapOperand> &spliced_results() const { return spliced_; }

  // The code for these outputs without what they do not need; inputs are renumbered to those that
  // are used, whose old numbers go to `used_inputs`.
  MapCode finish(const std::vector<MapOperand> &outputs, std::vector<uint32_t> &used_inputs) const;

 private:
  using OperandKey = std::tuple<MapOperand::Kind, uint32_t, int64_t, uint64_t>;
  using Key = std::tuple<const ScalarFunction *, OperandKey, OperandKey, OperandKey>;
  static OperandKey key_of(const MapOperand &operand);

  std::vector<MapInstruction> instructions_;
  std::map<Key, uint32_t> known_;
  std::vector<MapOperand> spliced_;
};

// Reverse mode over the scalar code: another map, then sums over the axes that were broadcast.
std::vector<Term> map_gradient(const OpRewrite &use);

}  // namespace flame
