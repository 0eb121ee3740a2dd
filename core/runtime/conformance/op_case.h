// A conformance case of an op: operands, attributes and what the operands hold. The cases stand in
// cases/<op>.cc, one file an op; types and layouts are multiplied by expand.h.
#pragma once

#include <string_view>
#include <vector>

#include "core/ops/catalogue/op_definition.h"

namespace flame::conformance {

// What a tensor is filled with, always the same for the same case.
enum class Content {
  kOfCase,    // an operand's: that of the case
  kNormal,    // mean 0, variance 1
  kPositive,  // even in [0.5, 2)
  kWide,      // normal times 20
  kWhole,     // whole numbers in [-4, 4]; in [-2, 2] for narrow floats, so that sums stay exact
  kTies,      // whole numbers in [-1, 1]: many are equal
  kSpecial,   // now and then infinities, NaN, -0, denormals and large numbers
  kIndices,   // whole numbers in [-1, limit]: places along an axis, and the two just outside
  kTruths,    // 0 or 1
  kForward,   // an answer of a forward op of the case, which a gradient takes
};
std::string_view name_of(Content content);

// Whose element type an operand has.
enum class TypeOf {
  kCase,     // that of the case
  kCompute,  // f64 for f64, else f32
  kFixed,    // `dtype`
};

struct CaseOperand {
  Shape shape;
  Content content = Content::kOfCase;
  TypeOf type_of = TypeOf::kCase;
  DType dtype = DType::kI64;  // with kFixed
  int64_t limit = 0;          // with kIndices
  size_t forward = 0;         // with kForward: which op of the case, and which of its outputs
  size_t output = 0;
};

// An op over operands of the case that stand before, whose answers are operands too.
struct ForwardOp {
  std::string_view op;
  std::vector<size_t> operands;
  Attributes attributes;
};

struct OpCase {
  std::vector<CaseOperand> inputs = {};
  Attributes attributes = {};
  // What operands of kOfCase hold, each a case of its own. Empty: normal numbers, and for linear
  // ops whole ones too.
  std::vector<Content> contents = {};
  std::vector<ForwardOp> forward = {};
  // The attribute "dtype" is the type of the case.
  bool dtype_attribute = false;
  // With whole numbers the answer has to have the same bits, if the op is linear.
  bool exact_when_whole = true;
  // The oracle computes in the case's own types instead of f64: for functions that jump, where
  // another precision may end on the other side.
  bool oracle_in_own_type = false;
};

using OpCases = std::vector<OpCase>;

// Operands, short to write.
inline CaseOperand in(const Shape &shape, Content content = Content::kOfCase) {
  CaseOperand operand;
  operand.shape = shape;
  operand.content = content;
  return operand;
}
inline CaseOperand fixed(const Shape &shape, DType dtype, Content content) {
  CaseOperand operand = in(shape, content);
  operand.type_of = TypeOf::kFixed;
  operand.dtype = dtype;
  return operand;
}
inline CaseOperand indices(const Shape &shape, int64_t limit, DType dtype = DType::kI64) {
  CaseOperand operand = fixed(shape, dtype, Content::kIndices);
  operand.limit = limit;
  return operand;
}
inline CaseOperand computed(const Shape &shape, Content content) {
  CaseOperand operand = in(shape, content);
  operand.type_of = TypeOf::kCompute;
  return operand;
}
// Output `output` of forward op `forward`; of the case's type, or of that in which it computes.
inline CaseOperand answer(const Shape &shape, size_t output, TypeOf type_of = TypeOf::kCase,
                          size_t forward = 0) {
  CaseOperand operand = in(shape, Content::kForward);
  operand.type_of = type_of;
  operand.forward = forward;
  operand.output = output;
  return operand;
}

using Ints = std::vector<int64_t>;

// Attributes together with more of them.
Attributes with(Attributes attributes, std::initializer_list<Attributes::Entry> more);

// The cases of an op, from its file; null if there is none. Made by the build. [any]
using CaseMaker = OpCases (*)();
CaseMaker find_cases(std::string_view op);

}  // namespace flame::conformance
