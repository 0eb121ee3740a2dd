// Fills the inputs of a case: the same numbers in every run and on every machine.
#pragma once

#include "core/runtime/conformance/oracle.h"
#include "core/runtime/conformance/typed_case.h"

namespace flame::conformance {

// Row-major inputs of the call's types. With `repeated`, each operand repeats along the axis that
// Layout::kRepeated gives stride 0. Answers of forward ops come from the oracle.
Result<std::vector<HostTensor>> fill_inputs(const TypedCase &c, bool repeated,
                                            const Oracle &oracle);

// Numbers of one content for a tensor; `seed` chooses among them.
std::vector<double> numbers_for(Content content, const TensorType &type, int64_t limit,
                                uint64_t seed);

// A hash of text that stays the same for ever (FNV-1a).
uint64_t hash_of(std::string_view text);

}  // namespace flame::conformance
