// One product for small trained matrices that multiply the same tensor.
#pragma once

#include "core/program/program.h"

namespace flame {

// Linears without bias of the same x, with trained weights of few rows (the downs of adapters beside
// q, k and v, for example), become one with the weights behind each other, whose answer is split. A
// small product takes as long as one a few times as wide, forward and backward. The weights may be
// casts of the parameters. Best before gradients are taken. Each answer is summed as before. Linear
// in the number of nodes.
Result<Program> merge_products(const Program &program, size_t *merged = nullptr);

}  // namespace flame
