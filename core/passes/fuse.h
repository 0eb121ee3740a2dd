// Fits a program to a device: what it cannot do is taken apart, what can be one op becomes one.
#pragma once

#include "core/passes/clean_up.h"
#include "core/passes/join_slices.h"
#include "core/passes/lower.h"
#include "core/passes/merge_maps.h"
#include "core/passes/merge_products.h"
#include "core/passes/patterns.h"

namespace flame {

struct Fused {
  Program program;
  std::vector<TakenApart> taken_apart;
  CleanUpCounts cleaned;
  MergeCounts maps;
  PatternCounts patterns;
  JoinCounts joins;
};

// For a program before its gradients are taken, on any device: clean_up, merge_patterns and
// merge_products.
Result<Program> simplify(const Program &program);

// For a whole program: merge_patterns, join_slices, lower, merge_maps and merge_addends, cleaned up between. The
// answers stay what they are in f32 and f64; where bf16 or f16 is stored, fewer values are rounded.
// Nearly linear in the number of nodes.
Result<Fused> fuse(const Program &program, Target &target);

}  // namespace flame
