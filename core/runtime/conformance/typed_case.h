// A case with its element type and content: one use of an op, ready to be filled and run.
#pragma once

#include <string>
#include <vector>

#include "core/runtime/conformance/op_case.h"

namespace flame::conformance {

struct TypedCase {
  OpCase source;
  DType dtype = DType::kF32;  // of the case
  Content content = Content::kNormal;
  OpCall call;       // checked, with the types of all operands
  std::string name;  // "matmul f32[3, 5] f32[5, 7] transpose_b=true whole": unique

  // The answer has to have the same bits as the oracle's.
  bool exact() const;
  // The oracle computes in the types of the case, not in f64.
  bool oracle_in_own_type() const;
};

// All cases of an op: each with every type that the op takes and every content. Errors: a case that
// no type makes right, which is a fault of its file.
Result<std::vector<TypedCase>> typed_cases(const OpDefinition &op);

}  // namespace flame::conformance
