// The list of all ops, made by the build from the files of core/ops.
#pragma once

#include "core/ops/catalogue/op_definition.h"

namespace flame {

// In alphabetical order; lives for ever. [any]
const std::vector<OpDefinition> &catalogue();

// Null if there is no op of that name. [any]
const OpDefinition *find_op(std::string_view name);

// Checks one use: the answer has complete attributes and output types. The name of a scalar
// function ("add", "silu") stands for the op `map` with that one instruction. Errors begin with the
// op's name.
Result<OpCall> infer_op(std::string_view name, std::vector<TensorType> inputs,
                        Attributes attributes);

}  // namespace flame
