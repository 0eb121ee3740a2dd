// Uses of ops that a backend is compared on with the reference kernels.
#pragma once

#include <string>
#include <vector>

#include "core/ops/catalogue/attributes.h"
#include "core/tensor/shape.h"

namespace flame::backend_test {

// Which numbers an input holds.
enum class Content {
  kSmall,    // about -2 to 2
  kWide,     // about -40 to 40
  kWhole,    // whole numbers from -4 to 4
  kIndex,    // whole numbers from -1 to 6, so that some lie outside
  kSpecial,  // infinities, NaN, both zeros, huge and tiny numbers among small ones
};

struct CaseInput {
  TensorType type;
  Content content = Content::kSmall;
};

struct OpCase {
  std::string op;
  std::vector<CaseInput> inputs;
  Attributes attributes;
  std::string name() const;
};

// Every required op but products of matrices and convolutions, in each of its types.
std::vector<OpCase> plain_cases();
std::vector<OpCase> product_cases();
// Optional ops that are one pass over their inputs.
std::vector<OpCase> elementwise_cases();

}  // namespace flame::backend_test
