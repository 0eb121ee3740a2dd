// Conformance cases of random.
#include "core/runtime/conformance/op_case.h"

namespace flame::conformance {

OpCases random_cases() {
  OpCases cases;
  for (const char *kind : {"uniform", "normal", "bits"}) {
    for (const int64_t stream : {int64_t{0}, int64_t{3}, int64_t{UINT32_MAX}}) {
      for (const Ints &shape :
           {Ints{}, Ints{1}, Ints{7, 19}, Ints{0}, Ints{4, 4}, Ints{2, 3, 101}}) {
        // A seed of more than 32 bits, and a counter.
        cases.push_back(
            {.inputs = {indices({}, int64_t{1} << 60), indices({}, 100000)},
             .attributes = {{"kind", std::string(kind)}, {"shape", shape}, {"stream", stream}},
             .dtype_attribute = true});
      }
    }
  }
  return cases;
}

}  // namespace flame::conformance
