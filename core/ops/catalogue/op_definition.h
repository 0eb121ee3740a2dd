// What the catalogue knows of an op: its contract for backends and its rules for the host.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/ops/catalogue/attributes.h"
#include "core/tensor/shape.h"
#include "core/tensor/view.h"

namespace flame {

class OpBuilder;
class Term;
struct OpDefinition;

enum class OpGroup {
  kRequired,  // every backend has it
  kView,      // the host resolves it by strides; where it cannot, it inserts a copy
  kOptional,  // a backend may have it; else the host puts its decomposition in its place
};

// How close an implementation must come to the reference.
enum class Agreement {
  kExact,    // the same bits
  kLinear,   // norm-relative 2e-6 in f32; the same bits if all values are small whole numbers
  kNumeric,  // norm-relative 2e-6 in f32
};

enum class OperandCount {
  kOne,
  kOptional,  // may be left out; then all operands behind it are left out too
  kMany,      // any number, also none; the last operand alone
};

// How an op takes part where a program is made to store and multiply in bf16 or f16
// (passes/precision.h).
enum class PrecisionRole {
  kNarrow,  // its operands are cast to the compute type: products, where the time goes
  kFollow,  // narrow if an operand is that comes from a narrow op, else f32: moves data, or computes
            // in f32 whatever is stored
  kWide,    // an island: operands and answers are f32
  kSum,     // takes its operand as it lies and answers in f32
  kSource,  // makes numbers of its own, in f32
};

struct PrecisionRule {
  PrecisionRole role = PrecisionRole::kWide;
  std::string_view reason = {};
  // Operands that the op itself wants in f32, such as saved statistics: bit i for operand i.
  uint32_t wide_operands = 0;
};

struct OperandSpec {
  std::string_view name = {};
  std::string_view help = {};  // shape and types: "[n, h, w, c]; any float"
  OperandCount count = OperandCount::kOne;
};

struct AttributeSpec {
  std::string_view name;
  AttributeKind kind;
  std::optional<AttributeValue> default_value;  // none: must be given
  std::string_view help;
};

// One use of an op, while it is checked. Rules see complete attributes: each of the op's, in the
// catalogue's order.
struct OpCall {
  const OpDefinition *op = nullptr;
  std::vector<TensorType> inputs;
  Attributes attributes;
  std::vector<TensorType> outputs;  // made by `infer`

  size_t input_count() const { return inputs.size(); }
  DType dtype(size_t input) const { return inputs[input].dtype; }
  const Shape &shape(size_t input) const { return inputs[input].shape; }
};

// One use of an op whose gradient or decomposition is being written with `builder`.
struct OpRewrite {
  OpBuilder &builder;
  const Attributes &attributes;
  const std::vector<Term> &inputs;
  const std::vector<TensorType> &output_types;
  // The rest is for gradients alone.
  const std::vector<Term> &outputs;
  const std::vector<Term> &cotangents;  // one for each output, empty where none arrives
  const std::vector<bool> &wanted;      // for each input
};

struct OpDefinition {
  std::string_view name = {};
  OpGroup group = OpGroup::kOptional;
  std::string_view summary = {};  // one line
  std::string_view formula = {};  // exact, several lines
  std::vector<OperandSpec> inputs = {};
  std::vector<OperandSpec> outputs = {};
  std::vector<AttributeSpec> attributes = {};
  std::string_view dtypes = {};  // which types it takes, in words
  Agreement agreement = Agreement::kNumeric;
  PrecisionRule precision = {};

  // Checks the inputs and the attributes' values, brings attributes to their normal form (no
  // negative axis, nothing left to be derived) and sets the outputs. An error says which operand,
  // what was expected and what was seen; the caller adds the op's name.
  Status (*infer)(OpCall &call) = nullptr;

  // The gradient for each wanted input, with the input's type and shape; an empty Term where it is
  // zero. Null: the gradient of the decomposition is taken, or there is none; see `gradient_note`.
  std::vector<Term> (*gradient)(const OpRewrite &use) = nullptr;
  // Why there is no gradient, for ops with neither a rule nor a decomposition; or what is special.
  std::string_view gradient_note = {};
  // True if a path ends here on purpose (stop_gradient, comparisons): no gradient, and no error.
  bool stops_gradient = false;

  // The op's outputs in other ops; ends, maybe over several steps, in required ops and views.
  std::vector<Term> (*decompose)(const OpRewrite &use) = nullptr;
  // The required ops and views that it ends in, in alphabetical order.
  std::string_view decomposition = {};

  // Multiplications and additions of one use, roughly; `outputs` are there. Null: the elements that
  // it reads and writes, or nothing for a view.
  double (*cost)(const OpCall &call) = nullptr;

  // For kView: the input's elements as strides, or nothing if a copy is needed.
  std::optional<View> (*resolve)(const View &input, const Attributes &attributes,
                                 const Shape &output) = nullptr;

  const AttributeSpec *find_attribute(std::string_view attribute) const;
};

}  // namespace flame
