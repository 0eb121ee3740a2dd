// Conformance cases of linear_scaled.
#include "core/runtime/conformance/op_case.h"

namespace flame::conformance {
namespace {

struct Sizes {
  Shape x;
  int64_t outputs;
};

// Tensor cores take features and outputs in steps of 16 and any number of rows: sizes on both sides of
// that, one, nothing, a long sum, and rows of several axes.
const Sizes kSizes[] = {{{16, 32}, 16},    {{1, 16}, 16},      {{17, 48}, 32}, {{3, 5}, 7},
                        {{1}, 1},          {{640}, 16},        {{4, 24}, 16},  {{4, 32}, 24},
                        {{2, 77, 64}, 48}, {{128, 256}, 64},   {{0, 16}, 16},  {{4, 0}, 16},
                        {{4, 16}, 0},      {{2, 1, 3, 32}, 16}};

}  // namespace

OpCases linear_scaled_cases() {
  OpCases cases;
  const auto scale = [] { return computed({}, Content::kOfCase); };
  const auto add = [&](OpCase c, int64_t outputs) {
    cases.push_back(c);
    c.inputs.push_back(in({outputs}));
    cases.push_back(std::move(c));
  };
  // Both in f8, with an answer of the case's type.
  const auto stored = [&](const Sizes &sizes, DType x, DType weight) {
    OpCase c{.inputs = {fixed(sizes.x, x, Content::kOfCase),
                        fixed({sizes.outputs, sizes.x.back(0)}, weight, Content::kOfCase), scale(),
                        scale()}};
    c.dtype_attribute = true;
    add(c, sizes.outputs);
  };
  for (const Sizes &sizes : kSizes) stored(sizes, DType::kF8E4M3, DType::kF8E4M3);
  for (const Sizes &sizes : {kSizes[0], kSizes[2], kSizes[3]}) {
    stored(sizes, DType::kF8E5M2, DType::kF8E4M3);
    stored(sizes, DType::kF8E4M3, DType::kF8E5M2);
    stored(sizes, DType::kF8E5M2, DType::kF8E5M2);
  }
  // One of them in f8, or none.
  for (const Sizes &sizes : {kSizes[0], kSizes[3], kSizes[8], kSizes[11]}) {
    const Shape weight{sizes.outputs, sizes.x.back(0)};
    for (const DType f8 : {DType::kF8E4M3, DType::kF8E5M2}) {
      add({.inputs = {in(sizes.x), fixed(weight, f8, Content::kOfCase), scale(), scale()}},
          sizes.outputs);
    }
    cases.push_back({.inputs = {fixed(sizes.x, DType::kF8E4M3, Content::kOfCase), in(weight),
                                scale(), scale()}});
    cases.push_back({.inputs = {in(sizes.x), in(weight), scale(), scale()}});
  }
  // Numbers at the ends of what f8 holds, small ones, zeros of both signs and NaN.
  OpCase ends{.inputs = {fixed({5, 16}, DType::kF8E4M3, Content::kOfCase),
                         fixed({16, 16}, DType::kF8E4M3, Content::kNormal),
                         computed({}, Content::kPositive), computed({}, Content::kPositive)},
              .contents = {Content::kLarge, Content::kWide, Content::kSpecial}};
  ends.dtype_attribute = true;
  cases.push_back(ends);
  ends.inputs[1] = fixed({16, 16}, DType::kF8E5M2, Content::kNormal);
  cases.push_back(ends);
  return cases;
}

}  // namespace flame::conformance
