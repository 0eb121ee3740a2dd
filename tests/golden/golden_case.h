// Golden cases: inputs that a hash makes, and what another implementation answers; see make_ops.py.
#pragma once

#include <map>
#include <ostream>
#include <string>
#include <vector>

#include "core/base/json.h"
#include "core/ops/catalogue/attributes.h"
#include "tests/support/evaluate.h"

namespace flame::golden_test {

// A tensor whose element i is offset + scale · (hash of seed and i, modulo levels).
struct Draw {
  TensorType type;
  int64_t seed = 0;
  int64_t levels = 1;
  double offset = 0;
  double scale = 0;

  HostTensor tensor() const;
};

struct OpCase {
  std::string op;
  std::string name;
  Attributes attributes;
  std::vector<Draw> inputs;
  std::vector<std::vector<double>> outputs;
  // By the place of the output, and of the input.
  std::map<size_t, Draw> cotangents;
  std::map<size_t, std::vector<double>> gradients;
};

// For the messages of GoogleTest.
inline void PrintTo(const OpCase &c, std::ostream *out) {
  *out << c.op << ": " << c.name;
}

// A file of this folder.
Result<Json> read_golden(const std::string &file);
Result<std::vector<OpCase>> read_op_cases(const std::string &file);
Result<std::vector<double>> read_numbers(const Json &list);

// The number that element `index` of a tensor with that seed starts from.
uint64_t hash_of(int64_t seed, uint64_t index);

// ‖a - b‖ / ‖b‖; the first norm alone where b is 0. Unequal counts and NaN give NaN.
double relative_error(const std::vector<double> &a, const std::vector<double> &b);

}  // namespace flame::golden_test
