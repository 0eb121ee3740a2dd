#include "core/runtime/conformance/pool_sizes.h"

#include "core/ops/catalogue/catalogue.h"

namespace flame::conformance {

std::vector<PoolSizes> pool_sizes(const std::string &kind) {
  std::vector<PoolSizes> all;
  const auto add = [&](const Shape &x, const Attributes &attributes) {
    const Attributes complete = with(attributes, {{"kind", kind}});
    const Shape y = infer_op("pool2d", {{DType::kF32, x}}, complete)->outputs[0].shape;
    all.push_back({x, y, complete});
  };
  const auto windowed = [](Ints window, Ints stride, Ints padding) {
    return Attributes{{"window", window}, {"stride", stride}, {"padding", padding}};
  };
  add({2, 6, 6, 3}, windowed({2, 2}, {2, 2}, {0, 0, 0, 0}));
  add({1, 1, 1, 1}, windowed({1, 1}, {1, 1}, {0, 0, 0, 0}));
  add({1, 7, 5, 17}, windowed({3, 3}, {2, 2}, {1, 1, 1, 1}));
  add({2, 5, 8, 4}, windowed({3, 2}, {1, 3}, {2, 0, 1, 1}));  // padding on one side more
  add({1, 9, 9, 2}, windowed({2, 3}, {3, 4}, {0, 1, 0, 0}));  // places between the windows
  add({1, 4, 4, 33}, windowed({4, 4}, {4, 4}, {0, 0, 0, 0}));
  add({0, 4, 4, 3}, windowed({2, 2}, {2, 2}, {0, 0, 0, 0}));
  add({2, 7, 5, 3}, {{"output_size", Ints{3, 2}}});  // windows that overlap
  add({1, 3, 4, 2}, {{"output_size", Ints{5, 4}}});  // and that repeat
  add({1, 6, 6, 8}, {{"output_size", Ints{1, 1}}});
  if (kind == "average")
    add({2, 5, 5, 3}, with(windowed({3, 3}, {2, 2}, {1, 1, 1, 1}), {{"count_include_pad", true}}));
  return all;
}

}  // namespace flame::conformance
