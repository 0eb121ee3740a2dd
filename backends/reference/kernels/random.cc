// random: element e comes from word e mod 4 of the Philox block e / 4.
#include "backends/reference/elements.h"
#include "backends/reference/kernel.h"
#include "flame/philox.hpp"

namespace flame::reference {

void run_random(const flame_op &op) {
  const flame_tensor &y = *op.outputs[0];
  const int64_t seed = as_integer(load(*op.inputs[0], {}));
  const int64_t counter = as_integer(load(*op.inputs[1], {}));
  const auto stream = static_cast<uint32_t>(integer_attribute(op, "stream"));
  const std::string_view kind = text_attribute(op, "kind");
  uint64_t element = 0;
  for_each_index(y, [&](const Index &i) {
    const PhiloxWords words = random_words(seed, counter, stream, element / 4);
    const size_t lane = element++ % 4;
    if (kind == "bits") return store(y, i, element_of(int64_t{words[lane]}));
    if (kind == "uniform") return store(y, i, element_of(uniform_of(words[lane])));
    const size_t pair = lane / 2 * 2;
    store(y, i, element_of(normal_pair(words[pair], words[pair + 1])[lane % 2]));
  });
}

}  // namespace flame::reference
