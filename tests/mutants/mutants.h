// The planted bugs of the test backend `mutant`: what each is called, which op it is in, and what the
// conformance suite must say of it.
#pragma once

#include <ostream>
#include <string_view>

namespace flame::mutants {

struct Mutant {
  std::string_view bug;
  std::string_view op;
  std::string_view caught_as;  // the name of the failure
};

// For the messages of GoogleTest.
inline void PrintTo(const Mutant &mutant, std::ostream *out) {
  *out << mutant.bug << " in " << mutant.op;
}

inline constexpr Mutant kMutants[] = {
    // Wrong numbers.
    {"transpose-ignored", "matmul", "WRONG"},
    {"c-added-twice", "matmul", "WRONG"},
    {"one-percent-more", "matmul", "WRONG"},
    {"padding-off-by-one", "conv2d", "WRONG"},
    {"bias-forgotten", "conv2d", "WRONG"},
    {"sum-in-bf16", "reduce", "WRONG"},
    {"mean-over-one-less", "reduce", "WRONG"},
    {"tanh-for-erf", "map", "WRONG"},
    {"padding-counted", "pool2d", "WRONG"},
    {"index-clamped", "gather", "WRONG"},
    {"last-update-dropped", "scatter_add", "WRONG"},
    {"ties-turned", "sort", "WRONG"},
    {"exclusive-ignored", "cumsum", "WRONG"},
    {"stream-ignored", "random", "WRONG"},
    {"eps-of-another-norm", "layer_norm", "WRONG"},
    {"variance-unbiased", "layer_norm", "WRONG"},
    {"mean-term-missing", "layer_norm_grad", "WRONG"},
    {"last-key-dropped", "attention", "WRONG"},
    {"scale-missing", "attention", "WRONG"},
    // Broken promises.
    {"strides-ignored", "copy", "WRONG"},
    {"last-element-left", "map", "WRONG"},
    {"zeros", "map", "MISTRUSTED"},
    {"writes-behind", "copy", "GUARD"},
    {"input-overwritten", "map", "INPUT CHANGED"},
    {"noise", "map", "NOT DETERMINISTIC"},
    {"in-place-lie", "map", "WRONG"},
    {"plan-differs", "concat", "PROMISE BROKEN"},
    {"contiguous-refused", "concat", "REFUSED"},
};

}  // namespace flame::mutants
